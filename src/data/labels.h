// SPDX-License-Identifier: Apache-2.0
// The map from class folders to labels.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dydit::data {

/// UTF-8 in normalisation form D: equal for names that look the same. (macOS decomposes the letters of file names, NFD,
/// that others write composed, NFC.) A name that is not UTF-8 stays as it is.
std::string decomposed(const std::string& name);

struct Labels {
  std::map<std::string, std::int64_t> of_folder;
  std::int64_t classes = 0;
};

/// 0, 1, ... in the order of the names' bytes. Throws InputError naming `where` for two names that look the
/// same, in two Unicode forms.
Labels number_folders(const std::set<std::string>& folders, const std::string& where);

/// From a labels.json, {"folder": label, ..., "classes": number of classes, optional}. A name may be in
/// another Unicode form than its folder's. Throws InputError naming `where` when it is malformed or lacks one
/// of the folders.
Labels parse_labels(const std::string& json, const std::set<std::string>& folders, const std::string& where);

/// One more than the largest label, or `stated` if that is not 0. Throws InputError naming `where` for a
/// negative label or one beyond the classes stated, and for more than a million classes.
std::int64_t count_classes(const std::vector<std::int64_t>& labels, std::int64_t stated,
                           const std::string& where);

}  // namespace dydit::data
