// SPDX-License-Identifier: Apache-2.0
// Files: read whole or mapped, written whole or not at all.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace dydit {

/// The whole file as text. Throws InputError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Makes the folder and those above it. Throws RunError when it cannot.
void create_folders(const std::filesystem::path& path);

/// A read-only mapping of a whole file; the bytes live as long as the object. (A file that is deleted, or replaced by
/// another of its name, stays as it was for whoever has it open.)
class MappedFile {
 public:
  /// Throws InputError when the file cannot be opened or is not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Unless the file was written to since. Throws an Error with the exit code of bad input, not an InputError: no
  /// sample of the file can be trusted.
  void require_unchanged() const;
  /// Gives the whole pages of a part of `bytes` back to the system; they come again when they are asked for. Nothing
  /// for memory that is no part of them.
  void forget(std::span<const std::byte> part) const;

 private:
  std::filesystem::path path_;
  Descriptor file_;
  struct stat opened_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Appends bytes to the file being written; throws RunError when the disk is full.
using Append = std::function<void(std::span<const std::byte>)>;

/// Writes `path` through `path`.part: content, fsync, rename, fsync of the folder. When anything throws, that
/// file is removed and an older `path` is untouched. What a killed process left of it is taken up by the next
/// one, and two that write the same file do so one after the other.
void write_atomically(const std::filesystem::path& path, const std::function<void(const Append&)>& write);
void write_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace dydit
