// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace dydit {

// Bytes of the character at `at` where it is none to be shown, else 0.
static std::size_t hidden(const std::string& utf8, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[at + i]); };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) < 0xa0) return 2;  // U+0080 to U+009F
  if (byte(0) != 0xe2) return 0;
  const bool marks = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f);   // U+200E, U+200F
  const bool lines = byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae;     // U+2028 to U+202E
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;  // U+2066 to U+2069
  return marks || lines || isolates ? 3 : 0;
}

std::string one_line(std::string_view text) {
  using nlohmann::json;
  const auto utf8 = json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::string line;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t bytes = hidden(utf8, at);
    line += bytes > 0 ? ' ' : utf8[at];
    at += std::max<std::size_t>(bytes, 1);
  }
  return line;
}

std::string replaced(std::string_view text,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto found =
        std::ranges::find_if(pairs, [&](const auto& pair) { return text.substr(i).starts_with(pair.first); });
    out += found == pairs.end() ? text.substr(i, 1) : found->second;
    i += found == pairs.end() ? 1 : found->first.size();
  }
  return out;
}

}  // namespace dydit
