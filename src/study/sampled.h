// SPDX-License-Identifier: Apache-2.0
// Which trajectories a sweep is of, and what each is held against.
#pragma once

#include "record/record.h"
#include "study/sampling.h"
#include "trajectories.h"

namespace dydit::study {

/// Models times types of numbers, batches and guidance: each is a group of cells.
std::vector<SampledModel> sampled_models(const SamplingSetting& setting);

/// The complete model, without a cache, by the first sampler in the first number of steps.
SampledCell reference_of(const SamplingSweep& sweep, const engine::Family& family);

/// What a cell is held against.
struct Others {
  SampledCell alone;     ///< the same model in the same engine, as the reference is sampled
  SampledCell solved;    ///< the complete model by this sampler at this number of steps
  SampledCell cached;    ///< the same with this cache
  SampledCell by_cache;  ///< the reference with this cache
};

Others others_of(const SampledCell& cell, const SampledCell& reference);

/// Each cell behind those that it is held against.
std::vector<SampledCell> sampled_cells(const SamplingSetting& setting, const SampledModel& model);

/// Of trained models, of a dynamic one as its routers decide: weights that nobody trained draw nothing.
bool is_judged(const SamplingSetting& setting, const SampledModel& model, const SampledCell& cell);

/// Still without metrics; of a cell that is judged again its study and by how many images.
record::Record cell_record(const SamplingSetting& setting, const SampledModel& model, const SampledCell& cell,
                           const char* study = "sampling", std::int64_t judged_again = 0);

}  // namespace dydit::study
