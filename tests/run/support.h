// SPDX-License-Identifier: Apache-2.0
// Profiles of a moment: DiTs of width 16 on made up images of 3x8x8.
#pragma once

#include "dit/weights.h"
#include "run/runner.h"
#include "temporary_folder.h"

namespace dydit::test {

inline Json tiny_configuration(std::int64_t classes = 10) {
  return {{"input_size", 8}, {"patch_size", 4}, {"in_channels", 3},      {"hidden_size", 16},
          {"depth", 1},      {"num_heads", 2},  {"num_classes", classes}};
}

inline void write_checkpoint(const std::filesystem::path& path, std::uint64_t seed,
                             const Json& configuration = tiny_configuration()) {
  dit::DiT dit(dit::from_json(configuration));
  dit->initialise(seed);
  dit::save_dit(path, dit, torch::kFloat32);
}

/// What is there without a test.
inline const study::Catalog& catalog() {
  static const study::Catalog catalog = run::standard_catalog();
  return catalog;
}

/// The study of that name, with its defaults.
inline run::StudySpec study_named(const std::string& name) {
  for (const study::Row& row : catalog().studies)
    if (row.name == name) return {row, row.defaults};
  throw std::out_of_range(name);
}

inline run::RunSettings settings(const std::filesystem::path& out) {
  run::RunSettings settings;
  settings.catalog = &catalog();
  settings.out = out;
  settings.quiet = true;
  return settings;
}

}  // namespace dydit::test
