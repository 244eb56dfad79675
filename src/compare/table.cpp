// SPDX-License-Identifier: Apache-2.0
// For a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "compare/report.h"
#include "words.h"

namespace dydit::compare {

namespace {

constexpr std::size_t long_name = 60, widest_column = 200, most_bars = 12;

// At most as many values, each the median of neighbours.
std::vector<double> thinned(const std::vector<double>& runs) {
  if (runs.size() <= most_bars) return runs;
  std::vector<double> few;
  for (std::size_t i = 0; i < most_bars; ++i)
    few.push_back(median_time({runs.begin() + static_cast<std::ptrdiff_t>(i * runs.size() / most_bars),
                               runs.begin() + static_cast<std::ptrdiff_t>((i + 1) * runs.size() / most_bars)}));
  return few;
}

// The process runs in their order, both sides to one scale, which a disturbed run does not stretch.
std::string sparkline(const Compared& one) {
  constexpr std::array bars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::vector<double> base = thinned(one.base), candidate = thinned(one.candidate);
  if (base.empty() || candidate.empty()) return {};
  std::vector<double> all = base;
  all.insert(all.end(), candidate.begin(), candidate.end());
  const double least = std::ranges::min(all);
  const double higher = std::max(median_time(base), median_time(candidate));
  const double most = std::min(std::ranges::max(all), least + 4 * (higher - least));
  const auto bar = [&](double value) {
    const double share = most > least ? std::min((value - least) / (most - least), 1.0) : 0;
    return bars[static_cast<std::size_t>(std::lround(share * 7))];
  };
  std::string line;
  for (const double value : base) line += bar(value);
  line += " ";
  for (const double value : candidate) line += bar(value);
  return line;
}

std::size_t columns_of(const Compared& one) {
  return std::min(one.base.size(), most_bars) + std::min(one.candidate.size(), most_bars) + 1;
}

std::string end_of(const std::string& name, std::size_t longest) {
  if (name.size() <= longest) return name;
  std::size_t begin = name.size() - longest + 3;
  while ((name[begin] & 0xc0) == 0x80) ++begin;  // not within a character
  return "..." + name.substr(begin);
}

// The end of a long name says more than its beginning: as much of it as tells the benchmarks apart.
void shorten(std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> shorter;
  std::set<std::string> different;
  for (std::size_t longest = long_name; different.size() < labels.size(); longest += longest / 2) {
    different.clear();
    std::size_t whole = 0;
    for (const auto& [name, label] : labels) {
      different.insert(shorter[name] = end_of(label, longest));
      whole += label.size() <= longest;
    }
    if (whole == labels.size()) break;  // names that differ in what cannot be shown
  }
  labels = std::move(shorter);
}

}  // namespace

std::string table(const Comparison& comparison) {
  Labels labels = labels_of(comparison);
  shorten(labels.of);
  const auto shown = [&](const Compared& one) -> const std::string& { return labels.of.at(one.name); };
  std::size_t name_width = 9, line_width = 0;
  for (const Compared& one : comparison.benchmarks) {
    name_width = std::max(name_width, std::min(shown(one).size(), widest_column));
    line_width = std::max(line_width, columns_of(one));
  }
  std::string text =
      fmt::format("{:<{}}  {:>9}  {:>9}  {:>6}  {:<16}  {:<{}}  verdict\n", "benchmark", name_width, "base",
                  "candidate", "ratio", "interval", "process runs", std::max<std::size_t>(line_width, 12));
  for (const Compared* one : by_importance(comparison)) {
    const std::string line = sparkline(*one);
    const std::size_t columns = line.empty() ? 0 : columns_of(*one);
    text += fmt::format("{:<{}}  {:>9}  {:>9}  {:>6}  {:<16}  {}{:{}}  {}\n", shown(*one), name_width,
                        time_text(median_time(one->base)), time_text(median_time(one->candidate)), ratio_text(*one),
                        interval_text(*one), line, "", std::max<std::size_t>(line_width, 12) - columns,
                        one_line(verdict_text(*one)));
    for (const std::string& risen : risen_counts(*one)) text += fmt::format("  {}\n", one_line(risen));
  }
  std::vector<double> detectable;
  for (const Compared& one : comparison.benchmarks)
    if (one.detectable && std::isfinite(*one.detectable)) detectable.push_back(100 * *one.detectable);
  if (!labels.common.empty()) text += fmt::format("\nall with {}\n", labels.common);
  text += fmt::format("\n{}\n", summary(comparison));
  if (detectable.size() == 1)
    text += fmt::format("4 of 5 such comparisons find a slowdown of {:.2g} %\n", detectable.front());
  else if (!detectable.empty())
    text += fmt::format(
        "4 of 5 such comparisons find slowdowns of {:.2g} % (quietest), {:.2g} % (median), {:.2g} % (noisiest)\n",
        std::ranges::min(detectable), median_time(detectable), std::ranges::max(detectable));
  return text;
}

}  // namespace dydit::compare
