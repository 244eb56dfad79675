// SPDX-License-Identifier: Apache-2.0
// What a number of a profile or of the command line may be, and how that is said to a user.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dydit {

/// All numbers from `least` to `most`; T is std::int64_t, std::uint64_t or double.
template <typename T>
struct Bounds {
  T least, most;
  bool least_excluded = false, most_excluded = false;

  /// Not a number is within no bounds.
  bool contain(T value) const {
    return (least_excluded ? value > least : value >= least) && (most_excluded ? value < most : value <= most);
  }
  /// "from 1 to 1,000", "above 0, up to 1"
  std::string words() const;
  /// "give a whole number from 1 to 1,000"
  std::string remedy() const;

  /// Throws UsageError naming `where` for a value that is not within.
  void require(T value, const std::string& where) const;
  /// The number whose decimal digits are the whole text. Throws UsageError naming `where` and the text where there is
  /// none, or one that is not within.
  T parse(const std::string& text, const std::string& where) const;
};

/// The integer whose decimal digits are the whole text; nothing for any other text, and for one that T cannot hold.
template <std::integral T>
std::optional<T> integer_of(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

/// A text of a user as a message of one short line can have it: cut where it is long.
std::string shortened(std::string_view text);

}  // namespace dydit
