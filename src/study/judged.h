// SPDX-License-Identifier: Apache-2.0
// How good the images are that trajectories draw.
#pragma once

#include "record/run_directory.h"
#include "sampled.h"

namespace dydit::study {

/// Puts into the record what the first `images` images of a cell, from the same noise in every cell, say of it.
void judge(record::Record& record, Trajectories& trajectories, const SampledModel& model, const SampledCell& cell,
           const SamplingSetting& setting, std::int64_t images);

/// Judges those cells again, by more images, that no other of their setting is as fast as and closer to real images,
/// among all models whose records the run has. As `sampling` does.
void judge_front(const SamplingSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
