// SPDX-License-Identifier: Apache-2.0
// Files below a root, in a directory or in a zip; which of them hold samples, and what is said of those that do not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dydit::data {

struct Entry {
  std::string name;          ///< "airplane/0000.jpg"; a folder ends with '/'
  std::uint64_t size = 0;    ///< bytes
  std::uint32_t crc = 0;     ///< 0 in a directory, where none is kept
  std::uint64_t number = 0;  ///< where the store finds it again
};

/// Reading may be called from several threads at once.
class Store {
 public:
  virtual ~Store() = default;
  /// All files and folders, in no order, those included that cannot be opened. Throws InputError or
  /// std::filesystem::filesystem_error when they cannot be listed, InputError for a link that may have been a
  /// folder.
  virtual std::vector<Entry> list() const = 0;
  /// The content of a file. Throws InputError naming the entry when it cannot be read whole.
  virtual std::string read(const Entry& entry) const = 0;
};

std::unique_ptr<Store> open_folder(const std::filesystem::path& path);
std::unique_ptr<Store> open_zip(const std::filesystem::path& path);

/// What systems and programs leave behind: hidden files and folders, __MACOSX/, Thumbs.db, desktop.ini.
/// Nothing is ever said of them. `name` is a path below the root of the set.
bool is_hidden(std::string_view name);
/// By its ending, in letters of either case: a JPEG, PNG or WebP.
bool is_read_image(std::string_view name);
/// The same, or another kind of image, which is not read.
bool is_image(std::string_view name);

/// Of files that are left out: "12 files of kinds that are not read were left out: 10 .bmp, 2 .tiff"
std::string left_out_line(const std::vector<std::string>& names);

}  // namespace dydit::data
