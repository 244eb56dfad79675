// SPDX-License-Identifier: Apache-2.0
#include "words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "base/median.h"
#include "base/text.h"
#include "compare/report.h"

namespace dydit::compare {

std::vector<const Compared*> by_importance(const Comparison& comparison) {
  std::vector<const Compared*> order;
  for (const Compared& one : comparison.benchmarks) order.push_back(&one);
  const auto rank = [](const Compared* one) {
    if (one->verdict == Verdict::slower || !risen_counts(*one).empty()) return 0;
    if (unmeasured(*one)) return 1;
    return one->verdict == Verdict::faster ? 2 : one->verdict == Verdict::cannot_tell ? 3 : 4;
  };
  std::ranges::stable_sort(order, {}, rank);
  return order;
}

std::string summary(const Comparison& comparison) {
  std::string text = fmt::format("{} slower, {} faster, {} same, {} cannot tell", comparison.count(Verdict::slower),
                                 comparison.count(Verdict::faster), comparison.count(Verdict::same),
                                 comparison.count(Verdict::cannot_tell));
  if (const int risen = comparison.risen(); risen > 0)
    text += fmt::format("; {} gated {} rose", risen, risen == 1 ? "count" : "counts");
  return text;
}

std::string verdict_text(const Compared& one) {
  if (one.verdict != Verdict::cannot_tell) return name_of(one.verdict);
  std::string text = fmt::format("cannot tell: {}", one.reason);
  if (one.runs_needed) text += fmt::format(", {} a side would probably tell", *one.runs_needed);
  return text;
}

std::string sentence(const Compared& one) {
  if (!one.ratio) return verdict_text(one);
  const std::string interval = interval_text(one);
  return fmt::format("{:.3f} times as long{}{}: {}", *one.ratio, interval.empty() ? "" : " ", interval,
                     verdict_text(one));
}

bool unmeasured(const Compared& one) { return !one.ratio && !one.runs_needed; }

std::vector<std::string> risen_counts(const Compared& one) {
  std::vector<std::string> sentences;
  for (const Count& count : one.counts)
    if (count.gated && count.rose())
      sentences.push_back(
          fmt::format("{} rose from {:.10g} to {:.10g}", count.name, count.base[1], count.candidate[0]));
  return sentences;
}

std::string time_text(double seconds) {
  if (!(seconds > 0)) return "-";
  constexpr std::pair<double, const char*> units[]{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  for (const auto& [unit, name] : units)
    if (seconds >= unit * 0.9995 || unit == 1e-9) {
      const double value = seconds / unit;
      const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
      return fmt::format("{:.{}f} {}", value, digits, name);
    }
  return {};
}

std::string ratio_text(const Compared& one) { return one.ratio ? fmt::format("{:.3f}", *one.ratio) : "-"; }

std::string interval_text(const Compared& one) {
  if (!one.interval || !std::isfinite((*one.interval)[1])) return {};
  return fmt::format("[{:.3f}, {:.3f}]", (*one.interval)[0], (*one.interval)[1]);
}

static std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  std::istringstream words(name);
  for (std::string word; words >> word;) parts.push_back(word);
  return parts;
}

static std::set<std::string> common_parts(const Comparison& comparison) {
  if (comparison.benchmarks.size() < 2) return {};
  std::map<std::string, std::size_t> counts;
  for (const Compared& one : comparison.benchmarks) {
    const std::vector<std::string> parts = parts_of(one.name);
    for (const std::string& part : std::set<std::string>(parts.begin(), parts.end()))  // once where a name has it twice
      if (part.find('=') != std::string::npos) ++counts[part];
  }
  std::set<std::string> common;
  for (const auto& [part, count] : counts)
    if (count == comparison.benchmarks.size()) common.insert(part);
  return common;
}

static std::string name_without(const std::set<std::string>& parts, const std::string& name) {
  std::string shorter;
  for (const std::string& part : parts_of(name))
    if (!parts.contains(part)) shorter += (shorter.empty() ? "" : " ") + part;
  return one_line(shorter.empty() ? name : shorter);
}

Labels labels_of(const Comparison& comparison) {
  const std::set<std::string> common = common_parts(comparison);
  Labels labels{.of = {}, .common = one_line(fmt::format("{}", fmt::join(common, " ")))};
  std::set<std::string> different;
  for (const Compared& one : comparison.benchmarks)
    different.insert(labels.of[one.name] = common.empty() ? one_line(one.name) : name_without(common, one.name));
  if (common.empty() || different.size() == labels.of.size()) return labels;
  for (auto& [name, label] : labels.of) label = one_line(name);
  labels.common.clear();
  return labels;
}

double median_time(const std::vector<double>& runs) { return median_of(runs).value; }

}  // namespace dydit::compare
