// SPDX-License-Identifier: Apache-2.0
#include "unicode.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "decompositions.h"

namespace dydit::data {

namespace {

using Pair = std::pair<char32_t, char32_t>;

std::map<char32_t, Pair> by_character() {
  std::map<char32_t, Pair> found;
  for (const auto& [mark, pairs] : decompositions)
    for (std::size_t i = 0; i < pairs.size(); i += 2) found[pairs[i]] = {pairs[i + 1], mark};
  return found;
}

// A syllable is a leading consonant, a vowel and perhaps a trailing consonant (Unicode 14, section 3.12).
std::optional<Pair> split_hangul(char32_t c) {
  constexpr char32_t syllables = 0xAC00, leading = 0x1100, vowels = 0x1161, trailing = 0x11A7;
  constexpr char32_t vowel_count = 21, trailing_count = 28;
  if (c < syllables || c > 0xD7A3) return std::nullopt;
  const char32_t index = c - syllables, block = index / trailing_count, last = index % trailing_count;
  if (last != 0) return Pair{c - last, trailing + last};
  return Pair{leading + block / vowel_count, vowels + block % vowel_count};
}

void append(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else {  // the table has 16 bits
    text += static_cast<char>(0xE0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
}

void append_decomposed(std::string& text, char32_t c) {
  static const std::map<char32_t, Pair> table = by_character();
  const auto found = table.find(c);
  const std::optional<Pair> pair = found != table.end() ? found->second : split_hangul(c);
  if (!pair) return append(text, c);
  append_decomposed(text, pair->first);
  append(text, pair->second);
}

// The bytes of a character of two or three bytes, or 0: what else there is has no decomposition here.
std::size_t length_at(std::string_view text) {
  const auto continues = [&](std::size_t i) { return i < text.size() && (text[i] & 0xC0) == 0x80; };
  if ((text[0] & 0xE0) == 0xC0 && continues(1)) return 2;
  if ((text[0] & 0xF0) == 0xE0 && continues(1) && continues(2)) return 3;
  return 0;
}

}  // namespace

std::string decomposed(const std::string& name) {
  std::string text;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t length = length_at(rest);
    if (length == 0) {
      text += rest[0];
      rest.remove_prefix(1);
      continue;
    }
    char32_t c = static_cast<unsigned char>(rest[0]) & (length == 2 ? 0x1F : 0x0F);
    for (std::size_t i = 1; i < length; ++i) c = c << 6 | (static_cast<unsigned char>(rest[i]) & 0x3F);
    append_decomposed(text, c);
    rest.remove_prefix(length);
  }
  return text;
}

}  // namespace dydit::data
