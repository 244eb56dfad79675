// SPDX-License-Identifier: Apache-2.0
// For programs and for services that show results of continuous integration.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
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

// Beside control characters these two are not allowed in XML 1.0, not even escaped.
std::string xml(const std::string& text) {
  return replaced(
      one_line(text),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"\xEF\xBF\xBE", "?"}, {"\xEF\xBF\xBF", "?"}});
}

std::string cell(const std::string& text) {
  return replaced(one_line(text),
                  {{"|", "\\|"}, {"<", "&lt;"}, {"`", "'"}, {"*", "\\*"}, {"_", "\\_"}, {"@", "&#64;"}, {"[", "\\["}});
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

// What is worse in bold.
std::string row(const Compared& one, const std::string& label) {
  const std::vector<std::string> risen = risen_counts(one);
  std::string verdict = cell(verdict_text(one));
  if (one.verdict == Verdict::slower) verdict = fmt::format("**{}**", verdict);
  if (!risen.empty()) verdict += fmt::format("; **{}**", cell(fmt::format("{}", fmt::join(risen, "; "))));
  return fmt::format("| {} | {} | {} | {} {} | {} |\n", code(label), time_text(median_time(one.base)),
                     time_text(median_time(one.candidate)), ratio_text(one), interval_text(one), verdict);
}

constexpr const char* head = "| benchmark | base | candidate | ratio | verdict |\n|---|---|---|---|---|\n";
constexpr std::size_t longest_comment = 60'000, longest_notes = 20'000;  // GitHub takes 65,536 characters

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
    b["seconds"] = {{"base", one.base}, {"candidate", one.candidate}};
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
  std::string notes;
  for (const std::string& note : comparison.notes) notes += xml(note) + "\n";
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"dydit compare\" tests=\"{}\" "
      "failures=\"{}\" skipped=\"{}\">\n{}    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n",
      comparison.benchmarks.size(), failed, skipped, cases, notes);
}

std::string markdown(const Comparison& comparison) {
  const Labels labels = labels_of(comparison);
  const std::string headline = comparison.worse() ? "Worse"
                               : comparison.count(Verdict::cannot_tell) == std::ssize(comparison.benchmarks)
                                   ? "Cannot tell"
                                   : "No slowdown found";
  std::string first, others, end;
  end += fmt::format(
      "\nTimes are medians of process runs; intervals hold for all benchmarks together; smallest change that matters: "
      "{:g} %.\n",
      100 * comparison.rule.threshold);
  std::vector<std::string> notes = comparison.notes;
  for (std::string& note : notes) note = cell(note);
  if (!labels.common.empty()) notes.insert(notes.begin(), fmt::format("all benchmarks with {}", code(labels.common)));
  std::size_t notes_left = notes.size(), rows_left = comparison.benchmarks.size();
  for (const std::string& note : notes)
    if (end.size() + note.size() < longest_notes) {
      end += fmt::format("- {}\n", note);
      --notes_left;
    }
  for (const Compared* one : by_importance(comparison)) {
    const bool matters = one->verdict == Verdict::slower || one->verdict == Verdict::faster || unmeasured(*one) ||
                         !risen_counts(*one).empty();
    const std::string line = row(*one, labels.of.at(one->name));
    if (first.size() + others.size() + end.size() + line.size() >= longest_comment) continue;
    (matters ? first : others) += line;
    --rows_left;
  }
  if (rows_left > 0) end += fmt::format("- {} other benchmarks are too many for a comment\n", rows_left);
  if (notes_left > 0) end += fmt::format("- {} other notes are too many for a comment\n", notes_left);
  std::string text = fmt::format("**{}**: {}\n", headline, summary(comparison));
  if (!first.empty()) text += fmt::format("\n{}{}", head, first);
  if (!others.empty())
    text += fmt::format("\n<details><summary>{}</summary>\n\n{}{}\n</details>\n",
                        first.empty() ? "The benchmarks" : "The other benchmarks", head, others);
  return text + end;
}

std::string annotations(const Comparison& comparison) {
  const auto message = [](const std::string& text) { return replaced(one_line(text), {{"%", "%25"}}); };
  const auto line = [&](const char* kind, const Compared& one, const std::string& text) {
    const std::string title = replaced(one_line(one.name), {{"%", "%25"}, {":", "%3A"}, {",", "%2C"}});
    return fmt::format("::{} title={}::{}\n", kind, title, message(text));
  };
  std::string text;
  for (const Compared* one : by_importance(comparison)) {
    for (const std::string& failure : failures_of(*one)) text += line("error", *one, failure);
    if (one->verdict == Verdict::faster) text += line("notice", *one, sentence(*one));
  }
  for (const std::string& note : comparison.notes)
    text += fmt::format("::notice title=dydit compare::{}\n", message(note));
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
