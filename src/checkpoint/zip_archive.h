// SPDX-License-Identifier: Apache-2.0
// A zip archive of stored (not compressed) entries, read in place. Zip64 is understood: training files
// exceed 4 GiB. Checksums are not verified: that would read gigabytes which nobody asked for, and
// torch.save can be told to leave them out.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/file.h"

namespace dydit::checkpoint {

class ZipArchive {
 public:
  /// Reads the central directory alone. Throws InputError when it is malformed, or an entry is
  /// compressed, encrypted or there twice.
  explicit ZipArchive(std::shared_ptr<const MappedFile> file);

  /// The bytes of an entry, in the mapping; nothing when there is no such entry. Throws InputError when
  /// they do not lie within the file.
  std::optional<std::span<const std::byte>> find(std::string_view name) const;

  /// The one entry whose name is a folder followed by `/name`: that folder. Throws InputError when there is
  /// none, or more.
  std::string_view folder_of(std::string_view name) const;

 private:
  struct Entry {
    std::uint64_t size, header;
  };
  std::shared_ptr<const MappedFile> file_;
  std::string where_;
  std::map<std::string_view, Entry> entries_;
};

}  // namespace dydit::checkpoint
