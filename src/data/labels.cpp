// SPDX-License-Identifier: Apache-2.0
#include "sets.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/error.h"
#include "base/json.h"

namespace dydit::data {

std::string decomposed(const std::string& name) {
  utf8proc_uint8_t* text = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(name.data()), std::ssize(name), &text,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(text, std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) return name;
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

constexpr std::int64_t most_classes = 1'000'000;  // of a model

Labels number_folders(const std::set<std::string>& folders, const std::string& where) {
  Labels labels;
  std::set<std::string> forms;
  for (const std::string& folder : folders) {
    if (!forms.insert(decomposed(folder)).second)
      throw InputError(fmt::format("two folders '{}', in different Unicode forms", folder), where,
                       "make them one, or give both the same label in a labels.json");
    labels.of_folder[folder] = labels.classes++;
  }
  return labels;
}

// Labels the folders whose names stand there in another Unicode form.
static void label_other_forms(Labels& labels, const std::set<std::string>& folders, const std::string& where) {
  std::map<std::string, std::set<std::int64_t>> forms;
  for (const auto& [name, label] : labels.of_folder) forms[decomposed(name)].insert(label);
  for (const std::string& folder : folders) {
    if (labels.of_folder.contains(folder)) continue;
    const auto found = forms.find(decomposed(folder));
    if (found == forms.end()) throw InputError(fmt::format("no label for the folder '{}'", folder), where, "add it");
    if (found->second.size() > 1)
      throw InputError(fmt::format("two labels for the folder '{}', in different Unicode forms", folder), where,
                       "keep one");
    labels.of_folder[folder] = *found->second.begin();
  }
}

Labels parse_labels(const std::string& json, const std::set<std::string>& folders, const std::string& where) {
  constexpr std::size_t largest = 4 << 20;
  if (json.size() > largest) throw InputError("far larger than it should be", where);
  const auto root = parse_json<nlohmann::json>(json, 1);
  if (!root || !root->is_object()) throw InputError("not a flat JSON object", where, "write {\"folder\": label, ...}");
  std::int64_t stated = 0;
  std::vector<std::int64_t> values;
  Labels labels;
  for (const auto& [key, value] : root->items()) {
    if (!value.is_number_integer()) throw InputError(fmt::format("'{}' is not an integer", key), where);
    if (key == "classes") {
      stated = value;
      if (stated <= 0) throw InputError("'classes' is not positive", where);
    } else {
      values.push_back(labels.of_folder[key] = value);
    }
  }
  label_other_forms(labels, folders, where);
  labels.classes = count_classes(values, stated, where);
  return labels;
}

std::int64_t count_classes(const std::vector<std::int64_t>& labels, std::int64_t stated, const std::string& where) {
  if (stated > most_classes) throw InputError(fmt::format("{} classes are too many", stated), where);
  std::int64_t classes = stated;
  for (const std::int64_t label : labels) {
    if (label < 0) throw InputError(fmt::format("label {} is negative", label), where);
    if (label >= most_classes) throw InputError(fmt::format("label {} is too large", label), where);
    if (stated == 0) classes = std::max(classes, label + 1);
    if (label >= classes) throw InputError(fmt::format("label {} in a set of {} classes", label, classes), where);
  }
  return classes;
}

}  // namespace dydit::data
