// SPDX-License-Identifier: Apache-2.0
#include "analysis/profile_against.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "text.h"

namespace dydit::analysis {

namespace {

/// A line of a table: two names, and three times in ms.
std::string comparison_line(const std::array<std::string, 5>& fields) {
  const auto padded = [](const std::string& field, std::size_t width, bool left) {
    const std::string text = one_line(field);
    const auto letters =
        static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));  // not bytes
    const std::string room(width - std::min(width, letters), ' ');
    return left ? text + room : room + text;
  };
  std::string line = "  " + padded(fields[0], 28, true) + "  " + padded(fields[1], 36, true);
  for (std::size_t i = 2; i < fields.size(); ++i) line += "  " + padded(fields[i], 9, false);
  return line + "\n";
}

/// A time that was not known, or of a kernel that was not there, is a dash.
std::string ms_of(double time, double calls) { return calls == 0 && time == 0 ? "–" : number(time); }

std::string times_text(const char* what, double before, double now) {
  return fmt::format("{} ms {} ({} before)", number(now), what, number(before));
}

}  // namespace

std::vector<RowChange> row_changes(const ProfileCell& before, const ProfileCell& now) {
  if (before.rows.empty() || now.rows.empty()) return {};
  std::map<std::pair<std::string, std::string>, RowChange> changes;
  const auto change_at = [&](const KernelRow& row) -> RowChange& {
    return changes.try_emplace({row.range, row.kernel}, RowChange{row.range, row.kernel}).first->second;
  };
  for (const KernelRow& row : before.rows) {
    RowChange& change = change_at(row);
    change.before += row.time;
    change.calls_before += row.calls;
  }
  for (const KernelRow& row : now.rows) {
    RowChange& change = change_at(row);
    change.time += row.time;
    change.calls += row.calls;
  }
  std::vector<RowChange> sorted{{"", "(remainder)", before.remainder, now.remainder, missing, missing}};
  for (auto& [names, change] : changes) sorted.push_back(std::move(change));
  std::ranges::stable_sort(
      sorted, {}, [](const RowChange& one) { return std::isnan(one.change()) ? 1.0 : -std::abs(one.change()); });
  return sorted;
}

const ProfileCell* same_cell(std::span<const ProfileStudy> studies, const ProfileStudy& study,
                             const ProfileCell& cell) {
  const ProfileCell* best = nullptr;
  int best_likeness = -1;
  for (const ProfileStudy& other : studies) {
    const int likeness = (other.model == study.model) + (other.model == study.model && other.axes == study.axes);
    for (const ProfileCell& one : other.cells)
      if (one.engine.name == cell.engine.name && one.which == cell.which && one.keep == cell.keep &&
          likeness > best_likeness) {
        best = &one;
        best_likeness = likeness;
      }
  }
  return best;
}

Comparison compared(std::span<const ProfileStudy> before, std::span<const ProfileStudy> now, const std::string& run) {
  Comparison comparison;
  for (const ProfileStudy& study : now) {
    const auto alike = [&](const ProfileStudy& other) {
      return other.model == study.model && other.axes == study.axes;
    };
    if (!before.empty() && std::ranges::none_of(before, alike))
      comparison.notes.push_back(
          one_line(fmt::format("{} is of {}; this profile is of {}", run, before.front().title(), study.title())));
    for (const ProfileCell& cell : study.cells) {
      if (const ProfileCell* same = same_cell(before, study, cell))
        comparison.cells.push_back({same, &cell});
      else
        comparison.notes.push_back(fmt::format("{} has no cell {} to compare with", run, cell.name()));
    }
  }
  return comparison;
}

std::string comparison_text(const ProfileCell& before, const ProfileCell& now, const std::string& run,
                            std::size_t most) {
  std::string text = fmt::format("{} against {}: {}", now.name(), run,
                                 times_text("without collectors", before.time.mean, now.time.mean));
  const auto rows = row_changes(before, now);
  if (rows.empty())
    return text + fmt::format("; {} has no rows to compare\n", before.rows.empty() ? run : "this profile");
  text += ", " + times_text("with them", before.whole_time(), now.whole_time()) + "\n" +
          comparison_line({"range", "kernel", "before", "now", "change"});
  RowChange others, all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RowChange& row = rows[i];
    for (RowChange* sum : {&all, &others}) {
      if (sum == &others && i < most) continue;
      sum->before += row.before;
      sum->time += row.time;
    }
    if (i < most)
      text += comparison_line({cut(short_range(row.range), 28), cut(short_kernel(row.kernel), 36),
                               ms_of(row.before, row.calls_before), ms_of(row.time, row.calls),
                               signed_number(row.change())});
  }
  const auto sum_line = [](const std::string& name, const RowChange& sum) {
    return comparison_line({name, "", number(sum.before), number(sum.time), signed_number(sum.change())});
  };
  if (rows.size() > most) text += sum_line(fmt::format("others ({} rows)", rows.size() - most), others);
  return text + sum_line("all", all);
}

}  // namespace dydit::analysis
