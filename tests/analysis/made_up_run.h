// SPDX-License-Identifier: Apache-2.0
// Run directories with made-up numbers of a plausible shape.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "record/run_directory.h"

namespace dydit::test {

struct MadeUp {
  std::vector<std::string> models = {"DiT-S/2", "DiT-XL/2"};
  std::vector<std::int64_t> timesteps = {10, 50, 200, 500, 900};
  std::int64_t images = 24, chunk = 10;
  std::int64_t map_images = 8, size = 8;
  std::uint64_t seed = 1;
  bool gap = true, map = true, train = true;
};

/// A finished run; the gap of model m to the last is known: see `true_gap`.
std::filesystem::path make_run(const std::filesystem::path& path, const MadeUp& made_up = {});

/// What the first model's loss exceeds the second's by, for every image.
double true_gap(std::int64_t timestep);

/// A loss-gap record and its tensors, n images from `first` on: mse = `mse`, vb = 2 mse.
void add_gap_chunk(record::RunDirectory& run, const std::string& model, const std::vector<std::int64_t>& index,
                   const std::vector<std::int64_t>& timesteps, const std::vector<float>& mse);

}  // namespace dydit::test
