// SPDX-License-Identifier: Apache-2.0
#include "analysis/range_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "text.h"

namespace dydit::analysis {

namespace {

double or_zero(double value) { return std::isfinite(value) ? value : 0; }

/// Rows of one range in one role.
struct Merged {
  double time = 0, gmacs = 0;

  void add(const KernelRow& row) {
    time += or_zero(row.time);
    gmacs += or_zero(row.gmacs);
  }
};

struct RangeRows {
  Merged sum;
  double products_time = 0;  // of kernels with MACs
  std::map<std::string, Merged> kernels;
};

std::map<std::string, RangeRows> by_range(const ProfileCell& cell) {
  std::map<std::string, RangeRows> ranges;
  for (const KernelRow& row : cell.rows) {
    RangeRows& range = ranges[row.range];
    range.sum.add(row);
    range.kernels[kernel_role(row.kernel)].add(row);
  }
  for (auto& [name, range] : ranges)
    for (const auto& [kernel, merged] : range.kernels)
      if (merged.gmacs > 0) range.products_time += merged.time;
  return ranges;
}

/// Where both have MACs, their ratio.
std::optional<double> ratio_of(const RangeRows& before, const RangeRows& now) {
  if (!(before.sum.gmacs > 0 && now.sum.gmacs > 0)) return std::nullopt;
  return now.sum.gmacs / before.sum.gmacs;
}

std::vector<KernelChange> kernel_changes(const RangeRows& before, const RangeRows& now) {
  const auto ratio = ratio_of(before, now);
  std::map<std::string, KernelChange> changes;
  for (const auto& [kernel, then] : before.kernels) {
    const bool products = ratio && then.gmacs > 0;  // what is expected of these is shared below
    changes[kernel] = {kernel, then.time, missing, products ? 0 : then.time * ratio.value_or(1), missing};
  }
  for (const auto& [kernel, merged] : now.kernels) {
    KernelChange& change =
        changes.try_emplace(kernel, KernelChange{kernel, missing, missing, 0, missing}).first->second;
    change.time = merged.time;
    if (!ratio || !(merged.gmacs > 0)) continue;
    change.expected += before.products_time * merged.gmacs / before.sum.gmacs;
    const auto then = before.kernels.find(kernel);
    const bool had = then != before.kernels.end() && then->second.gmacs > 0;
    change.macs = merged.gmacs / (had ? then->second.gmacs : before.sum.gmacs);
  }
  std::vector<KernelChange> sorted;
  for (auto& [kernel, change] : changes) sorted.push_back(std::move(change));
  std::ranges::stable_sort(sorted, std::greater(), &KernelChange::over);
  return sorted;
}

bool all_known(const ProfileCell& cell) {
  return !cell.rows.empty() && std::isfinite(cell.remainder) &&
         std::ranges::all_of(cell.rows, [](const KernelRow& row) { return std::isfinite(row.time); });
}

/// Adds what a range is over to a bar, by cause.
void extend(ProfileBar& bar, const RangeChange& change) {
  for (const KernelChange& kernel : change.kernels)
    bar.causes.at(static_cast<std::size_t>(kernel.cause())) += kernel.over();
  bar.end += change.over();
}

}  // namespace

double KernelChange::over() const { return or_zero(time) - expected; }

Cause KernelChange::cause() const {
  if (over() < 0) return Cause::gained;
  if (kernel.starts_with('(')) return Cause::gap;
  return std::isnan(before) ? Cause::new_kernel : Cause::shrank_less;
}

std::string KernelChange::text() const {
  const std::string name = cut(kernel, 28);
  if (std::isnan(time)) return fmt::format("{}: gone, {} ms", name, number(before));
  const std::string of =
      std::isnan(macs) || std::abs(macs - 1) < 5e-3 ? "" : fmt::format(" at {} of the MACs", number(macs));
  if (std::isnan(before)) return fmt::format("{}: new, {} ms{}", name, number(time), of);
  return fmt::format("{}: {} → {} ms{}", name, number(before), number(time), of);
}

double RangeChange::change() const { return or_zero(time) - or_zero(before); }

double RangeChange::over() const { return or_zero(time) - (std::isfinite(expected) ? expected : or_zero(before)); }

std::vector<std::string> RangeChange::behind(std::size_t most) const {
  const bool gained = over() < 0;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kernels.size() && texts.size() < most; ++i) {
    const KernelChange& one = kernels[gained ? kernels.size() - 1 - i : i];
    if (gained ? one.over() < 0 : one.over() > 0) texts.push_back(one.text());
  }
  return texts;
}

std::vector<RangeChange> range_changes(const ProfileCell& before, const ProfileCell& now) {
  const auto ranges_before = by_range(before), ranges_now = by_range(now);
  std::set<std::string> names;
  for (const auto* ranges : {&ranges_before, &ranges_now})
    for (const auto& [name, rows] : *ranges) names.insert(name);
  const RangeRows none;
  const auto rows_in = [&](const std::map<std::string, RangeRows>& ranges, const std::string& name) {
    const auto found = ranges.find(name);
    return std::pair<const RangeRows&, double>(found == ranges.end() ? none : found->second,
                                               found == ranges.end() ? missing : found->second.sum.time);
  };
  std::vector<RangeChange> changes;
  for (const std::string& name : names) {
    const auto [then, time_before] = rows_in(ranges_before, name);
    const auto [rows, time] = rows_in(ranges_now, name);
    const auto ratio = ratio_of(then, rows);
    changes.push_back({name, time_before, time, ratio ? then.sum.time * *ratio : missing, kernel_changes(then, rows)});
  }
  std::ranges::stable_sort(changes, std::greater(), &RangeChange::over);
  return changes;
}

std::optional<ProfileWaterfall> waterfall_of(const ProfileCell& complete, const ProfileCell& cell, std::size_t most) {
  if (!all_known(complete) || !all_known(cell)) return std::nullopt;
  auto changes = range_changes(complete, cell);
  if (std::ranges::none_of(changes, [](const RangeChange& change) { return std::isfinite(change.expected); }))
    return std::nullopt;
  double at = complete.whole_time();
  ProfileWaterfall waterfall{.complete = {complete.name(), at, at}, .saved = {"at the MACs' ratio", at, at}};
  for (const RangeChange& change : changes)
    if (std::isfinite(change.expected)) waterfall.saved.end += change.expected - change.before;
  at = waterfall.saved.end;
  std::erase_if(changes, [](const RangeChange& change) { return change.over() == 0; });
  std::ranges::stable_sort(changes, std::greater(), [](const RangeChange& one) { return std::abs(one.over()); });
  const std::size_t shown = std::min(most, changes.size());
  std::sort(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(shown),
            [](const RangeChange& a, const RangeChange& b) { return a.over() > b.over(); });
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (i < shown)
      waterfall.ranges.push_back({short_range(changes[i].range), at, at, {}, changes[i].behind(2)});
    else if (i == shown)
      waterfall.others = ProfileBar{fmt::format("{} other ranges", changes.size() - shown), at, at};
    ProfileBar& bar = i < shown ? waterfall.ranges.back() : *waterfall.others;
    extend(bar, changes[i]);
    at = bar.end;
  }
  waterfall.remainder = {"remainder", at, at + cell.remainder - complete.remainder};
  waterfall.cell = {cell.name(), waterfall.remainder.end, waterfall.remainder.end};
  return waterfall;
}

}  // namespace dydit::analysis
