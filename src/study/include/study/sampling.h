// SPDX-License-Identifier: Apache-2.0
// Times of whole trajectories: whether what routers, caches and solvers save multiplies. What is compared is measured
// together: all cells of a model, type of numbers, batch and guidance in interleaved blocks, the complete model beside
// them.
#pragma once

#include "study/sampling_sweep.h"
#include "study/speed.h"

namespace dydit::study {

using SamplingSetting = MeasureSetting<SamplingSweep>;

/// As `speed` does.
void sampling(const SamplingSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
