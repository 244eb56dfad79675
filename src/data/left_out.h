// SPDX-License-Identifier: Apache-2.0
// Which files hold samples, and what is said of those that do not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dydit::data {

/// What systems and programs leave behind: hidden files and folders, __MACOSX/, Thumbs.db, desktop.ini.
/// Nothing is ever said of them. `name` is a path below the root of the set.
bool is_hidden(std::string_view name);
/// By its ending, in letters of either case: a JPEG, PNG or WebP.
bool is_read_image(std::string_view name);
/// The same, or another kind of image, which is not read.
bool is_image(std::string_view name);

/// Counts files of kinds that are not read.
class LeftOut {
 public:
  void add(std::string_view name) { ++kinds_[ending_of(name)]; }
  bool empty() const { return kinds_.empty(); }
  /// "12 files of kinds that are not read were left out: 10 .bmp, 2 .tiff"
  std::string line() const;

 private:
  static std::string ending_of(std::string_view name);

  std::map<std::string, std::int64_t> kinds_;
};

}  // namespace dydit::data
