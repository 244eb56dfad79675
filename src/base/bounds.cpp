// SPDX-License-Identifier: Apache-2.0
#include "base/bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>
#include <type_traits>

#include "base/error.h"

namespace dydit {

namespace {

// Digits in groups of three.
template <typename T>
std::string text_of(T value) {
  std::string text = fmt::format("{}", value);
  if constexpr (std::is_floating_point_v<T>) {
    if (value != std::trunc(value)) return text;
    text = fmt::format("{:.0f}", value);
  }
  const std::size_t first = text.front() == '-' ? 1 : 0;
  for (std::size_t end = text.size(); end > first + 3; end -= 3) text.insert(end - 3, 1, ',');
  return text;
}

template <typename T>
constexpr const char* kind = std::is_floating_point_v<T> ? "number" : "whole number";

bool is_whole(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

template <typename T>
std::string Bounds<T>::words() const {
  return fmt::format("{} {}{} {}", least_excluded ? "above" : "from", text_of(least),
                     most_excluded    ? " to below"
                     : least_excluded ? ", up to"
                                      : " to",
                     text_of(most));
}

template <typename T>
std::string Bounds<T>::remedy() const {
  return fmt::format("give a {} {}", kind<T>, words());
}

template <typename T>
void Bounds<T>::require(T value, const std::string& where) const {
  if (!contain(value)) throw UsageError("value out of range", where, remedy());
}

template <typename T>
T Bounds<T>::parse(const std::string& text, const std::string& where) const {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const std::string named = where + " " + (text.empty() ? "''" : shortened(text));
  // A number that T cannot hold, as an unsigned type none below 0, is one.
  const bool beyond = (error == std::errc::result_out_of_range && stop == end) ||
                      (!std::is_floating_point_v<T> && error != std::errc() && is_whole(text));
  if (beyond) throw UsageError("value out of range", named, remedy());
  if (error != std::errc() || stop != end) throw UsageError(fmt::format("not a {}", kind<T>), named, remedy());
  require(value, named);
  return value;
}

template struct Bounds<std::int64_t>;
template struct Bounds<std::uint64_t>;
template struct Bounds<double>;

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 40;
  return text.size() <= longest ? std::string(text) : std::string(text.substr(0, longest)) + "...";
}

}  // namespace dydit
