// SPDX-License-Identifier: Apache-2.0
// What the tests of checkpoints share: folders, comparison, and a writer of small zip archives.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "checkpoint/checkpoint.h"

namespace dydit::test {

inline const std::filesystem::path golden = std::filesystem::path(DYDIT_TEST_FOLDER) / "golden";
inline const std::filesystem::path fixtures = golden / "checkpoint";

/// Same names, types, shapes and bytes.
inline bool identical(const checkpoint::Tensors& a, const checkpoint::Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return left.first == right.first && left.second.type == right.second.type &&
           left.second.shape == right.second.shape &&
           std::equal(left.second.bytes.begin(), left.second.bytes.end(), right.second.bytes.begin(),
                      right.second.bytes.end());
  });
}

/// A number as `bytes` little-endian bytes.
inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// A zip archive of stored entries.
inline std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string files, directory;
  for (const auto& [name, content] : entries) {
    const std::string common = std::string(14, '\0') + little(content.size(), 4) + little(content.size(), 4) +
                               little(name.size(), 2) + little(0, 2);
    directory += "PK\1\2" + little(0, 2) + common + std::string(10, '\0') + little(files.size(), 4) + name;
    files += "PK\3\4" + common + name + content;
  }
  return files + directory + "PK\5\6" + little(0, 4) + little(entries.size(), 2) + little(entries.size(), 2) +
         little(directory.size(), 4) + little(files.size(), 4) + little(0, 2);
}

}  // namespace dydit::test
