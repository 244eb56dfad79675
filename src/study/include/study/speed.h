// SPDX-License-Identifier: Apache-2.0
// Actual against theoretical speedup of untrained models under imposed masks and of trained ones, and the times of the
// parts from which analysis/waterfall.h derives where the difference goes.
//
// What is compared is measured together: all engines and units of one share, the dense model beside them, and for each
// cell that keeps what is on its parts, in interleaved blocks. Before and after the blocks each model's outputs are
// compared with those of the masked engine under the same masks; a cell that computes something else is a failed one.
#pragma once

#include "study/catalog.h"

namespace dydit::study {

/// A dynamic model that decides itself, and the images that passes are of: as many as the largest batch at least.
struct Trained {
  std::string name, hash;
  std::shared_ptr<model::Network> network;
  const engine::Family* family = nullptr;
  Chunk chunk;            ///< on the CPU
  std::string data_hash;  ///< of what the chunk is
  diffusion::ProcessSpec process = {};
};

template <typename Spec>
struct MeasureSetting {
  Spec spec;
  const Catalog* catalog = nullptr;   ///< must live as long as the measurement
  std::vector<Trained> trained = {};  ///< those that the spec names
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
  int threads = 2;  ///< for the record
  bool quiet = false;
  distributed::ProcessGroup group = {};
};
using SpeedSetting = MeasureSetting<SpeedSpec>;

/// Measures the groups of cells in which one has no record; several processes share the groups, and `run` is null on
/// all but rank 0. What fails (out of memory, say) is recorded as failed; the rest goes on. Throws Interrupted between
/// passes.
void speed(const SpeedSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
