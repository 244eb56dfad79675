// SPDX-License-Identifier: Apache-2.0
// Text from records as it may stand in a CSV field, a gnuplot script or a page. Names are other people's:
// they can hold quotes, markup and line breaks.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/statistics.h"

namespace dydit::analysis {

/// Control characters as spaces.
std::string one_line(std::string_view text);

/// A field of a CSV: a text, quoted as RFC 4180 says where needed, control characters as spaces.
std::string csv_field(std::string_view text);
/// Eight significant digits; "NaN" when it is not finite.
std::string csv_field(double value);
inline std::string csv_field(std::integral auto value) { return std::to_string(value); }
/// Three fields: mean, low, high.
std::string csv_field(const Interval& interval);

/// A line of a CSV.
template <typename... Fields>
std::string csv_line(const Fields&... fields) {
  return fmt::format("{}\n", fmt::join(std::vector<std::string>{csv_field(fields)...}, ","));
}

/// A gnuplot string, quotes included; nothing inside is expanded.
std::string gnuplot_string(std::string_view text);

/// For element content and quoted attributes; control characters are left out.
std::string html_escape(std::string_view text);

/// Absolute paths in a text cut to their last name: a report tells nothing about where it was made.
std::string without_folders(const std::string& text);

/// "40", "0.25": whole numbers as they are, others with so many digits.
std::string time_text(double time, int digits = 4);
/// "heads, channel groups and tokens".
std::string listed(const std::vector<std::string>& names);
/// "50,000".
std::string grouped(std::int64_t count);
/// Three significant digits: "0.0641", "12.3", "2.10 × 10⁻⁶"; "–" when it is not finite.
std::string number(double value);
/// The same of a difference: "+0.0641", "−12.3", "0".
std::string signed_number(double value);
/// "0.0641 ± 0.0020": the half-width with two digits, the mean as far as those go.
std::string plus_minus(const Interval& interval);

}  // namespace dydit::analysis
