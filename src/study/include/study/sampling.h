// SPDX-License-Identifier: Apache-2.0
// Times of whole trajectories: whether what routers, caches and solvers save multiplies. What is compared is measured
// together: all cells of a model, type of numbers, batch and guidance in interleaved blocks, the complete model beside
// them.
#pragma once

#include "study/sampling_sweep.h"
#include "study/speed.h"

namespace dydit::study {

using SamplingSetting = MeasureSetting<SamplingSweep>;

/// Throws UsageError for a sampler that a model's process does not have, and for a cache that does not fit a model or
/// the passes of a trajectory.
void require_sampleable(const SamplingSetting& setting);

/// As `speed` does.
void sampling(const SamplingSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
