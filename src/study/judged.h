// SPDX-License-Identifier: Apache-2.0
// How good the images are that trajectories draw.
#pragma once

#include "record/run_directory.h"
#include "sampled.h"

namespace dydit::study {

/// Puts into the record what `images` images of a cell from number `begin` on say of it. Image i has the same noise in
/// every cell.
void judge(record::Record& record, Trajectories& trajectories, const SampledModel& model, const SampledCell& cell,
           const SamplingSetting& setting, std::int64_t begin, std::int64_t images);

/// Judges the cells on the front of each setting again, by more and other images: those of all models, as far as the
/// run has their records, that no other one beats in time or in distance without losing in the other. As `sampling`
/// does.
void judge_front(const SamplingSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
