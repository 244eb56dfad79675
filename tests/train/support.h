// SPDX-License-Identifier: Apache-2.0
// A training that takes a moment: a DiT of width 16 on made up images of 3x8x8.
#pragma once

#include "altered_data.h"
#include "base/file.h"
#include "temporary_folder.h"
#include "train/train.h"

namespace dydit::test {

inline train::Job tiny_job(const train::TrainOptions& options) {
  const auto images = std::make_shared<AlteredData>(40);
  return {.model = "tiny",
          .configuration = dit::from_json({{"input_size", 8},
                                           {"patch_size", 4},
                                           {"in_channels", 3},
                                           {"hidden_size", 16},
                                           {"depth", 1},
                                           {"num_heads", 2},
                                           {"num_classes", 10}}),
          .options = options,
          .quiet = true,
          .images = images,
          .held_out = images};
}

/// Trains in `path`, which is made or resumed.
inline void train_in(const std::filesystem::path& path, const train::Job& job) {
  record::RunDirectory run(path, {{"identity", "test"}});
  train::train(job, &run);
}

inline std::string checkpoint_bytes(const std::filesystem::path& run, std::int64_t step) {
  return read_file(train::checkpoint_path(run, "tiny", step));
}

}  // namespace dydit::test
