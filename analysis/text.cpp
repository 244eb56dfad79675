// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dydit::analysis {

std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }, ' ');
  return line;
}

static std::string doubled(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : one_line(text)) result.append(c == quote ? 2 : 1, c);
  return result + quote;
}

std::string csv_field(std::string_view text) {
  return text.find_first_of("\",\n\r") == std::string_view::npos ? one_line(text) : doubled(text, '"');
}

std::string csv_field(double value) { return std::isfinite(value) ? fmt::format("{:.8g}", value) : "NaN"; }

std::string csv_field(const Interval& interval) {
  return fmt::format("{},{},{}", csv_field(interval.mean), csv_field(interval.low), csv_field(interval.high));
}

std::string gnuplot_string(std::string_view text) { return doubled(text, '\''); }

std::string html_escape(std::string_view text) {
  constexpr std::string_view special = "&<>\"'";
  constexpr std::array entities{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  std::string result;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if ((code < ' ' && c != '\n' && c != '\t') || code == 0x7f) continue;  // no character of a page
    const auto found = special.find(c);
    found == special.npos ? result += c : result += entities[found];
  }
  return result;
}

std::string without_folders(const std::string& text) {
  constexpr std::string_view before = " \t\n\"'=(,", after = " \t\n\"'";
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool path = text[i] == '/' && (i == 0 || before.find(text[i - 1]) != before.npos);
    if (!path) {
      result += text[i];
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(after, i), text.size());
    const std::string whole = text.substr(i, end - i),
                      name = whole.substr(whole.find_last_of('/', whole.size() - 2) + 1);
    result += whole == "/" ? whole : name;
    i = end - 1;
  }
  return result;
}

std::string time_text(double time, int digits) {
  const bool whole = time == std::trunc(time) && std::abs(time) < 1e15;
  return whole ? fmt::format("{:.0f}", time) : fmt::format("{:.{}g}", time, digits);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

std::string grouped(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > (count < 0 ? 1 : 0); place -= 3)
    digits.insert(static_cast<std::size_t>(place), 1, ',');
  return digits;
}

/// The power of ten to take out of a value that would have too many zeros; 0 for others.
static int exponent_of(double value) {
  const int exponent = value == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::abs(value))));
  return exponent < -4 || exponent > 6 ? exponent : 0;
}

/// " × 10⁻⁵", with spaces at which no line breaks.
static std::string power_of_ten(int exponent) {
  constexpr std::array digits = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string power = exponent < 0 ? "\u00a0×\u00a010⁻" : "\u00a0×\u00a010";
  for (const char c : std::to_string(std::abs(exponent))) power += digits.at(static_cast<std::size_t>(c - '0'));
  return power;
}

/// With a minus sign in the place of a hyphen.
static std::string with_minus(const std::string& digits) {
  if (digits.front() != '-') return digits;
  // What is rounded to nothing has no sign.
  const bool nothing = digits.find_first_of("123456789") >= digits.find(' ');
  return nothing ? digits.substr(1) : "−" + digits.substr(1);
}

std::string number(double value) {
  if (!std::isfinite(value)) return "–";
  if (value == 0) return "0";
  if (value < 0) return "−" + number(-value);
  if (const int exponent = exponent_of(value))
    return fmt::format("{:.2f}", value / std::pow(10, exponent)) + power_of_ten(exponent);
  if (value == std::trunc(value)) return fmt::format("{:.0f}", value);
  return std::abs(value) < 100 ? fmt::format("{:#.3g}", value) : fmt::format("{:.0f}", value);
}

std::string signed_number(double value) {
  return fmt::format("{}{}", value > 0 && std::isfinite(value) ? "+" : "", number(value));
}

std::string plus_minus(const Interval& interval) {
  const double half = interval.half_width();
  if (!std::isfinite(half) || half <= 0) return number(interval.mean);
  if (const int exponent = exponent_of(interval.mean)) {
    const double scale = std::pow(10, exponent);
    const Interval scaled{interval.mean / scale, interval.low / scale, interval.high / scale};
    return fmt::format("({}){}", plus_minus(scaled), power_of_ten(exponent));
  }
  const int digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(half))), 0, 9);
  return with_minus(fmt::format("{:.{}f} ± {:.{}f}", interval.mean, digits, half, digits));
}

}  // namespace dydit::analysis
