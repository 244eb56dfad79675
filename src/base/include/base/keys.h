// SPDX-License-Identifier: Apache-2.0
// Strict reading of a JSON object: typed keys with defaults; what nobody asked for is an error.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bounds.h"
#include "base/error.h"

namespace dydit {

class Keys {
 public:
  /// `where` is how messages call the object: "profile.toml: loss-gap". Throws UsageError for a non-object.
  Keys(const nlohmann::ordered_json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw UsageError("not a table of keys", where_);
  }

  /// Leaves `value` as it is where the key is absent. Throws UsageError for a wrong type.
  template <typename T>
  Keys& read(const std::string& key, T& value) {
    if (const auto* found = find(key)) {
      const UsageError wrong("wrong type of value", where_ + "." + key, shortened(found->dump()));
      if (!exact<T>(*found)) throw wrong;
      try {
        found->get_to(value);
      } catch (const nlohmann::json::exception&) {
        throw wrong;
      }
    }
    return *this;
  }

  /// The same for a number. Throws UsageError that tells the bounds, also where it is not within them.
  template <typename T>
  Keys& read(const std::string& key, T& value, const Bounds<T>& bounds) {
    if (const auto* found = find(key)) value = number(key, *found, bounds);
    return *this;
  }

  /// The same for each number of a list.
  template <typename T>
  Keys& read(const std::string& key, std::vector<T>& values, const Bounds<T>& bounds) {
    const auto* found = find(key);
    if (found == nullptr) return *this;
    if (!found->is_array()) throw UsageError("not a list", where_ + "." + key, bounds.remedy() + ", or more in [ ]");
    values.clear();
    for (const auto& entry : *found) values.push_back(number(key, entry, bounds));
    return *this;
  }

  /// The value under `key`, taken as it is; null where absent.
  nlohmann::ordered_json take(const std::string& key) {
    const auto* found = find(key);
    return found == nullptr ? nlohmann::ordered_json() : *found;
  }

  /// Throws UsageError naming the first key that was not read.
  void finish() const {
    for (const auto& [key, value] : object_.items())
      if (!known_.contains(key)) {
        std::string list;
        for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
        throw UsageError("unknown key", where_ + "." + key, "known are " + list);
      }
  }

  const std::string& where() const { return where_; }

 private:
  // The value under `key`, which is known from now on; null where absent.
  const nlohmann::ordered_json* find(const std::string& key) {
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  template <typename T>
  T number(const std::string& key, const nlohmann::ordered_json& json, const Bounds<T>& bounds) const {
    const std::string where = where_ + "." + key + " = " + shortened(json.dump());
    if (std::is_floating_point_v<T> ? !json.is_number() : !json.is_number_integer())
      throw UsageError(std::is_floating_point_v<T> ? "not a number" : "not a whole number", where, bounds.remedy());
    if (!exact<T>(json)) throw UsageError("value out of range", where, bounds.remedy());
    const T value = json.get<T>();
    bounds.require(value, where);
    return value;
  }

  // The conversion alone would cut 2.7 to 2 and wrap -1 to 2^64 - 1.
  template <typename T>
  static bool exact(const nlohmann::ordered_json& value) {
    if constexpr (std::is_same_v<T, std::vector<std::int64_t>>)
      return std::all_of(value.begin(), value.end(), exact<std::int64_t>);
    else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return value.is_number_unsigned()
                 ? std::in_range<T>(value.template get<std::uint64_t>())
                 : value.is_number_integer() && std::in_range<T>(value.template get<std::int64_t>());
    else
      return true;
  }

  const nlohmann::ordered_json& object_;
  std::string where_;
  std::set<std::string> known_;
};

}  // namespace dydit
