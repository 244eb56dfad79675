// SPDX-License-Identifier: Apache-2.0
// Actual against theoretical speedup of untrained models under imposed masks and of trained ones, and the times of the
// parts from which analysis/waterfall.h derives where the difference goes.
//
// What is compared is measured together: all engines and units of one share, the dense model beside them, and for each
// compact cell its parts, in interleaved blocks. Before and after the blocks each model's outputs are compared with
// those of the masked engine under the same masks; a cell that computes something else is a failed one.
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>

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
  /// What the cells of the compact engine are run by; in tests also something that computes another function.
  std::function<std::unique_ptr<engine::Engine>(model::DiT, const engine::CompactOptions&)> compact =
      engine::compact_engine;
};

/// Measures the groups of cells in which one has no record, with everything on before the shares. What fails
/// (out of memory, say) is recorded as failed; the rest goes on. Throws Interrupted between passes.
void speed(const SpeedSetting& setting, record::RunDirectory& run);

}  // namespace dydit::study
