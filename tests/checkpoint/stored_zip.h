// SPDX-License-Identifier: Apache-2.0
// A writer of small zip archives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dydit::test {

/// A number as `bytes` little-endian bytes.
inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// A zip archive of stored entries; their checksums are 0 without `checksum`.
inline std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& entries,
                              std::uint32_t (*checksum)(std::string_view) = nullptr) {
  std::string files, directory;
  for (const auto& [name, content] : entries) {
    const std::string common = std::string(10, '\0') + little(checksum ? checksum(content) : 0, 4) +
                               little(content.size(), 4) + little(content.size(), 4) + little(name.size(), 2) +
                               little(0, 2);
    directory += "PK\1\2" + little(0, 2) + common + std::string(10, '\0') + little(files.size(), 4) + name;
    files += "PK\3\4" + common + name + content;
  }
  return files + directory + "PK\5\6" + little(0, 4) + little(entries.size(), 2) + little(entries.size(), 2) +
         little(directory.size(), 4) + little(files.size(), 4) + little(0, 2);
}

}  // namespace dydit::test
