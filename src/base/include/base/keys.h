// SPDX-License-Identifier: Apache-2.0
// Strict reading of a JSON object: typed keys with defaults; what nobody asked for is an error.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <type_traits>

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
    known_.insert(key);
    if (const auto found = object_.find(key); found != object_.end()) {
      bool fits = true;
      try {
        found->get_to(value);
        // The conversion turns 2.5 into 2 and, without a sign, -1 into a huge number.
        fits = nlohmann::ordered_json(value) == *found && !(std::is_unsigned_v<T> && found->dump().starts_with('-'));
      } catch (const nlohmann::json::exception&) {
        fits = false;
      }
      if (!fits) throw UsageError("wrong type of value", where_ + "." + key, found->dump());
    }
    return *this;
  }

  /// The value under `key`, taken as it is; null where absent.
  nlohmann::ordered_json take(const std::string& key) {
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nlohmann::ordered_json() : *found;
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
  // Without this, 2.7 would be cut to 2 and -1 wrap to 2^64 - 1.
  template <typename T>
  static bool exact(const nlohmann::ordered_json& value) {
    if constexpr (std::is_same_v<T, std::vector<std::int64_t>>)
      return std::all_of(value.begin(), value.end(), exact<std::int64_t>);
    else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return value.is_number_unsigned() ? std::in_range<T>(value.template get<std::uint64_t>())
                                        : value.is_number_integer() && std::in_range<T>(value.template get<std::int64_t>());
    else
      return true;
  }

  const nlohmann::ordered_json& object_;
  std::string where_;
  std::set<std::string> known_;
};

}  // namespace dydit
