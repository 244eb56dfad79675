// SPDX-License-Identifier: Apache-2.0
// Actual against theoretical speedup of untrained models under imposed masks and of trained ones, and where
// the difference goes.
//
// What is compared is measured together: all engines and units of one share, the dense model beside them, and
// for each compact cell the counterfactuals of its waterfall, in interleaved blocks.
#pragma once

#include <torch/types.h>

#include "study/speed_spec.h"
#include "study/study.h"

namespace dydit::study {

/// A dynamic model that decides itself, and the images it is run on: as many as the largest batch at least.
struct Trained {
  std::string name, hash;
  model::DiT dit{nullptr};
  Chunk chunk;            ///< on the CPU
  std::string data_hash;  ///< of what the chunk is
  std::string noise_schedule = "linear";
};

struct SpeedSetting {
  SpeedSpec spec;
  std::vector<Trained> trained = {};  ///< those that the spec names
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
  int threads = 2;  ///< for the record
  bool quiet = false;
};

/// Measures the groups of cells in which one has no record, with everything on before the shares. What fails
/// (out of memory, say) is recorded as failed; the rest goes on. Throws Interrupted between passes.
void speed(const SpeedSetting& setting, record::RunDirectory& run);

}  // namespace dydit::study
