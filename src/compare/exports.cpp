// SPDX-License-Identifier: Apache-2.0
// For programs and for services that show results of continuous integration.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compare/report.h"
#include "words.h"

namespace dydit::compare {

namespace {

using Ordered = nlohmann::ordered_json;

// Names come from files, whose bytes need not be UTF-8.
template <typename Json>
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string replaced(const std::string& text,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto found = std::ranges::find_if(
        pairs, [&](const auto& pair) { return text.compare(i, pair.first.size(), pair.first) == 0; });
    out += found == pairs.end() ? std::string_view(text).substr(i, 1) : found->second;
    i += found == pairs.end() ? 1 : found->first.size();
  }
  return out;
}

// Control characters and these two others are not allowed in XML 1.0, not even escaped.
std::string xml(const std::string& text) {
  return replaced(
      one_line(text),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"\xEF\xBF\xBE", "?"}, {"\xEF\xBF\xBF", "?"}});
}

std::string cell(const std::string& text) {
  return replaced(one_line(text), {{"|", "\\|"}, {"<", "&lt;"}, {"`", "'"}});
}

// In a span of code "<" stands for itself, as in the name of a template's benchmark.
std::string code(const std::string& text) {
  return fmt::format("`{}`", replaced(one_line(text), {{"|", "\\|"}, {"`", "'"}}));
}

std::vector<std::string> failures_of(const Compared& one) {
  std::vector<std::string> failures = risen_counts(one);
  if (one.verdict == Verdict::slower) failures.insert(failures.begin(), sentence(one));
  return failures;
}

std::string row(const Compared& one, const std::set<std::string>& common) {
  std::string counts;
  for (const std::string& risen : risen_counts(one)) counts += "; " + risen;
  const std::string verdict = one.verdict == Verdict::slower || !counts.empty()
                                  ? fmt::format("**{}**", name_of(one.verdict))
                              : one.verdict == Verdict::cannot_tell ? "cannot tell"
                                                                    : name_of(one.verdict);
  return fmt::format("| {} | {} | {} | {} {} | {}{} |\n", code(name_without(common, one.name)),
                     time_text(median_time(one.base)), time_text(median_time(one.candidate)), ratio_text(one),
                     interval_text(one), verdict, cell(counts));
}

constexpr const char* head = "| benchmark | base | candidate | ratio | verdict |\n|---|---|---|---|---|\n";

}  // namespace

std::string json(const Comparison& comparison) {
  Ordered benchmarks = Ordered::array();
  for (const Compared& one : comparison.benchmarks) {
    Ordered& b = benchmarks.emplace_back(Ordered{{"name", one.name}, {"verdict", name_of(one.verdict)}});
    if (one.ratio) b["ratio"] = *one.ratio;
    if (one.interval) b["ci95"] = *one.interval;  // null where infinite
    if (!one.reason.empty()) b["reason"] = one.reason;
    if (one.p) b["p"] = *one.p;
    b["runs"] = {one.base.size(), one.candidate.size()};
    if (one.runs_needed) b["runs_needed"] = *one.runs_needed;
    if (one.detectable && std::isfinite(*one.detectable)) b["detectable"] = *one.detectable;
    for (const Count& count : one.counts)
      b["counts"][count.name] = {
          {"base", count.base}, {"candidate", count.candidate}, {"gated", count.gated}, {"rose", count.rose()}};
  }
  return text_of(Ordered{{"benchmarks", benchmarks},
                         {"suite",
                          {{"slower", comparison.count(Verdict::slower)},
                           {"faster", comparison.count(Verdict::faster)},
                           {"same", comparison.count(Verdict::same)},
                           {"cannot_tell", comparison.count(Verdict::cannot_tell)},
                           {"risen", comparison.risen()},
                           {"threshold", comparison.rule.threshold},
                           {"alarms", comparison.rule.alarms}}},
                         {"notes", comparison.notes}});
}

std::string junit(const Comparison& comparison) {
  std::string cases;
  int failed = 0, skipped = 0;
  for (const Compared& one : comparison.benchmarks) {
    cases += fmt::format("    <testcase classname=\"dydit compare\" name=\"{}\"", xml(one.name));
    if (!one.candidate.empty()) cases += fmt::format(" time=\"{:.9g}\"", median_time(one.candidate));
    const std::vector<std::string> failures = failures_of(one);
    if (!failures.empty()) {
      ++failed;
      cases += fmt::format(">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n", xml(failures.front()),
                           xml(fmt::format("{}", fmt::join(failures, "; "))));
    } else if (one.verdict == Verdict::cannot_tell) {
      ++skipped;
      cases += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(sentence(one)));
    } else {
      cases += "/>\n";
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"dydit compare\" tests=\"{}\" "
      "failures=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n</testsuites>\n",
      comparison.benchmarks.size(), failed, skipped, cases);
}

std::string markdown(const Comparison& comparison) {
  const std::set<std::string> common = common_parts(comparison);
  std::string first, others;
  for (const Compared* one : by_importance(comparison))
    (one->verdict == Verdict::slower || one->verdict == Verdict::faster || !risen_counts(*one).empty() ? first
                                                                                                       : others) +=
        row(*one, common);
  std::string text =
      fmt::format("**{}**: {}\n", comparison.worse() ? "Worse" : "No slowdown found", summary(comparison));
  if (!first.empty()) text += fmt::format("\n{}{}", head, first);
  if (!others.empty())
    text += fmt::format("\n<details><summary>The other benchmarks</summary>\n\n{}{}\n</details>\n", head, others);
  text += fmt::format(
      "\nTimes are medians of process runs; intervals are corrected for the {} benchmarks; smallest change that "
      "matters: {:g} %.\n",
      comparison.benchmarks.size(), 100 * comparison.rule.threshold);
  if (!common.empty())
    text += fmt::format("- all benchmarks with {}\n", code(fmt::format("{}", fmt::join(common, " "))));
  for (const std::string& note : comparison.notes) text += fmt::format("- {}\n", cell(note));
  return text;
}

std::string annotations(const Comparison& comparison) {
  const auto message = [](const std::string& text) {
    return replaced(text, {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
  };
  const auto line = [&](const char* kind, const Compared& one, const std::string& text) {
    const std::string title =
        replaced(one.name, {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}, {":", "%3A"}, {",", "%2C"}});
    return fmt::format("::{} title={}::{}\n", kind, title, message(text));
  };
  std::string text;
  for (const Compared* one : by_importance(comparison)) {
    for (const std::string& failure : failures_of(*one)) text += line("error", *one, failure);
    if (one->verdict == Verdict::faster) text += line("notice", *one, sentence(*one));
  }
  return text + fmt::format("::notice title=dydit compare::{}\n", message(summary(comparison)));
}

std::string bmf(const Comparison& comparison) {
  nlohmann::json json = nlohmann::json::object();  // an ordered one would look for each name among all before it
  for (const Compared& one : comparison.benchmarks)
    if (!one.candidate.empty()) {
      const auto [least, most] = std::ranges::minmax(one.candidate);
      json[one.name]["latency"] = {
          {"value", 1e9 * median_time(one.candidate)}, {"lower_value", 1e9 * least}, {"upper_value", 1e9 * most}};
    }
  return text_of(json);
}

std::string smaller_is_better(const Comparison& comparison) {
  Ordered json = Ordered::array();
  for (const Compared& one : comparison.benchmarks)
    if (!one.candidate.empty()) {
      const auto [least, most] = std::ranges::minmax(one.candidate);
      json.push_back({{"name", one.name},
                      {"unit", "ms"},
                      {"value", 1e3 * median_time(one.candidate)},
                      {"range", fmt::format("{:.6g} to {:.6g}", 1e3 * least, 1e3 * most)},
                      {"extra", sentence(one)}});
    }
  return text_of(json);
}

}  // namespace dydit::compare
