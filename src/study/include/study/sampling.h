// SPDX-License-Identifier: Apache-2.0
// Times of whole trajectories: whether what routers, caches and solvers save multiplies. What is compared is measured
// together: all cells of a model, type of numbers, batch and guidance in interleaved blocks, the complete model beside
// them.
#pragma once

#include <optional>

#include "quality/judge.h"
#include "quality/network.h"
#include "study/sampling_sweep.h"
#include "study/speed.h"

namespace dydit::study {

/// By what the images of cells are judged.
struct Judging {
  Judging(std::shared_ptr<const quality::FeatureNetwork> network, quality::Set real, std::string by,
          std::uint64_t seed);

  std::shared_ptr<const quality::FeatureNetwork> network;
  std::shared_ptr<quality::Judge> judge;  ///< holds features against those of the real images
  std::string by;                         ///< what tells network and real images from others, for records
};

struct SamplingSetting : MeasureSetting<SamplingSweep> {
  std::optional<Judging> judging = {};  ///< where the spec has images judged
};

/// Throws UsageError for a sampler that a model's process does not have, and for a cache that does not fit a model or
/// the passes of a trajectory.
void require_sampleable(const SamplingSetting& setting);

/// As `speed` does. Cells that the spec has judged again get a second record, of the study "front", with the same axes
/// and the metrics of quality alone.
void sampling(const SamplingSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
