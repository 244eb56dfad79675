// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace dydit {

/// Nothing for what is not JSON or nests deeper than `deepest`: the library copies, compares and prints by
/// recursion, which a file of brackets would let overflow the stack.
template <typename Json>
std::optional<Json> parse_json(std::string_view text, int deepest = 64) {
  bool deep = false;
  const auto keep = [&](int depth, typename Json::parse_event_t, Json&) {
    deep = deep || depth > deepest;
    return !deep;
  };
  Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (deep || json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace dydit
