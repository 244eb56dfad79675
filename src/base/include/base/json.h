// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dydit {

/// What a message says of text that parse_json does not take.
inline constexpr const char* json_limits = "expected JSON of at most 4 MiB, 64 levels and 1,024 keys in an object";

/// Nothing for what is not JSON, is longer than `longest` bytes, nests deeper than `deepest` or, where the order of
/// keys is kept, has more than 1,024 in an object: the library keeps many times the text in memory, copies,
/// compares and prints by recursion, which a file of brackets would let overflow the stack, and looks for an
/// ordered key among all those before it.
template <typename Json>
std::optional<Json> parse_json(std::string_view text, int deepest = 64, std::size_t longest = 4 << 20) {
  const std::size_t most_keys = std::is_same_v<Json, nlohmann::ordered_json> ? 1024 : longest;
  if (text.size() > longest) return std::nullopt;
  using Event = typename Json::parse_event_t;
  bool modest = true;
  std::vector<std::size_t> keys;  // of each object around
  const auto keep = [&](int depth, Event event, Json&) {
    if (!modest) return false;
    if (event == Event::object_start) keys.push_back(0);
    if (event == Event::object_end) keys.pop_back();
    modest = depth <= deepest && (event != Event::key || ++keys.back() <= most_keys);
    return modest;
  };
  Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (!modest || json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace dydit
