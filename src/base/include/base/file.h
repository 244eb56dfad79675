// SPDX-License-Identifier: Apache-2.0
// Files: read whole or mapped, written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dydit {

/// The whole file as text. Throws InputError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// A read-only mapping of a whole file; the bytes live as long as the object.
class MappedFile {
 public:
  /// Throws InputError when the file cannot be opened or is not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Appends bytes to the file being written; throws RunError when the disk is full.
using Append = std::function<void(std::span<const std::byte>)>;

/// Writes `path` through a temporary file beside it: content, fsync, rename, fsync of the folder.
/// When anything throws, the temporary file is removed and an older `path` is untouched.
void write_atomically(const std::filesystem::path& path, const std::function<void(const Append&)>& write);
void write_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace dydit
