// SPDX-License-Identifier: Apache-2.0
// Which of the files below a root are samples, and of which class.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store.h"

namespace dydit::data {

struct ClassFolders {
  std::string root;                ///< where they lie: "", or "set/" where all are in one folder
  std::set<std::string> names;     ///< a folder without images has its number, too
  std::vector<Entry> images;       ///< by folder, then name
  std::optional<Entry> labels;     ///< the labels.json beside the folders
  std::vector<std::string> notes;  ///< see Dataset::notes

  std::string folder_of(const Entry& image) const;
  /// The folder within that one that holds the image; empty where none does.
  std::string folder_inside(const Entry& image) const;
};

/// Of a listing of CLASS/.../IMAGE; a folder that holds nothing but one folder of this kind is seen through.
ClassFolders find_class_folders(std::vector<Entry> entries);

}  // namespace dydit::data
