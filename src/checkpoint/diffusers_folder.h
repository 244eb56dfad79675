// SPDX-License-Identifier: Apache-2.0
// The folder that diffusers' save_pretrained writes for one model.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dydit::checkpoint {

struct DiffusersFolder {
  /// Finds the files; reads the index of shards where there is one. A pipeline's folder stands for its
  /// transformer/. Throws InputError when something is missing, or the index is malformed or leads elsewhere.
  explicit DiffusersFolder(const std::filesystem::path& path);

  std::filesystem::path config;
  std::filesystem::path index;                 ///< empty when the weights are in one file
  std::vector<std::filesystem::path> weights;  ///< one file, or the shards by name
  std::map<std::string, std::string> shards;   ///< of the index: by tensor, the name of its file
};

/// A small text file. Throws InputError when it is empty or larger than `most` bytes.
std::string read_small(const std::filesystem::path& path, std::size_t most);

}  // namespace dydit::checkpoint
