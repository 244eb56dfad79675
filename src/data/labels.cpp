// SPDX-License-Identifier: Apache-2.0
#include "labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dydit::data {

Labels number_folders(const std::set<std::string>& folders) {
  Labels labels;
  for (const std::string& folder : folders) labels.of_folder[folder] = labels.classes++;
  return labels;
}

Labels parse_labels(const std::string& json, const std::set<std::string>& folders, const std::string& where) {
  const auto root = nlohmann::json::parse(json, nullptr, false);
  if (!root.is_object()) throw InputError("not a JSON object", where, "write {\"folder\": label, ...}");
  std::int64_t stated = 0;
  std::vector<std::int64_t> values;
  Labels labels;
  for (const auto& [key, value] : root.items()) {
    if (!value.is_number_integer()) throw InputError(fmt::format("'{}' is not an integer", key), where);
    if (key == "classes") {
      stated = value;
      if (stated <= 0) throw InputError("'classes' is not positive", where);
    } else {
      values.push_back(labels.of_folder[key] = value);
    }
  }
  for (const std::string& folder : folders)
    if (!labels.of_folder.contains(folder))
      throw InputError(fmt::format("no label for the folder '{}'", folder), where, "add it");
  labels.classes = count_classes(values, stated, where);
  return labels;
}

std::int64_t count_classes(const std::vector<std::int64_t>& labels, std::int64_t stated,
                           const std::string& where) {
  std::int64_t classes = stated;
  for (const std::int64_t label : labels) {
    if (label < 0) throw InputError(fmt::format("label {} is negative", label), where);
    if (stated == 0) classes = std::max(classes, label + 1);
    if (label >= classes)
      throw InputError(fmt::format("label {} in a set of {} classes", label, classes), where);
  }
  return classes;
}

}  // namespace dydit::data
