// SPDX-License-Identifier: Apache-2.0
#include "analysis/kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "analysis/speed.h"
#include "cells.h"
#include "text.h"

namespace dydit::analysis {

using record::Json;
using record::Record;
using record::Run;

namespace {

constexpr std::array<std::string_view, 3> axes_of_cell{"engine", "which", "keep"};

/// No machine has such a number, and their sums and ratios would not be finite.
double within_reason(const Record& record, const char* name, double value) {
  constexpr double least = 1e-12, most = 1e12;
  const double size = std::abs(value);
  if (size > most || (size > 0 && size < least)) refuse(record, fmt::format("has a '{}' of {}", name, value));
  return value;
}

/// Time that is left over: rounding can make it slightly less than nothing.
double finite(const Record& record, const char* name) {
  return within_reason(record, name, interval(record, name).mean);
}

double amount(const Record& record, const char* name) {
  return within_reason(record, name, at_least_zero(record, name));
}

Interval reasonable(const Record& record, const char* name) {
  const Interval found = positive(record, name);
  within_reason(record, name, found.mean);
  return found;
}

KernelRow row_of(const Record& record) {
  KernelRow row{.range = needed_axis(record, "range"),
                .kernel = needed_axis(record, "kernel"),
                .time = amount(record, "kernel_time"),
                .calls = amount(record, "kernel_calls"),
                .gmacs = amount(record, "kernel_gmacs"),
                .bytes = amount(record, "kernel_bytes"),
                .bound = amount(record, "kernel_bound"),
                .registers = amount(record, "registers"),
                .occupancy = amount(record, "occupancy")};
  if (row.kernel.empty()) refuse(record, "has an empty axis 'kernel'");
  return row;
}

ProfileCell cell_of(const Record& record, const std::map<std::string, Engine>& engines) {
  return {.engine = engine_of(record, engines),
          .which = needed_axis(record, "which"),
          .keep = keep_of(record),
          .time = reasonable(record, "time"),
          .collected_time = reasonable(record, "collected_time"),
          .collected_ratio = reasonable(record, "collected_ratio"),
          .remainder = finite(record, "remainder_time"),
          .lost = amount(record, "lost_records"),
          .malformed = amount(record, "malformed_records"),
          .gmacs = reasonable(record, "gmacs").mean,
          .product_ceiling = reasonable(record, "product_ceiling").mean,
          .copy_ceiling = reasonable(record, "copy_ceiling").mean};
}

/// What a cell's record and those of its rows have in common, keys sorted.
using CellKey = std::pair<std::string, std::string>;
CellKey key_of(const Record& record) {
  std::map<std::string, Json> axes;
  for (const auto& [name, value] : record.axes.items())
    if (name != "range" && name != "kernel") axes[name] = value;
  return {record.process, Json(axes).dump()};
}

/// A time that is not known stands last.
double rank_of(double time) { return std::isnan(time) ? HUGE_VAL : -time; }

std::map<CellKey, std::vector<KernelRow>> rows_of(const Run& run, const std::string& model) {
  std::map<CellKey, std::vector<KernelRow>> rows;
  for (const Record* record : records_of(run, "kernel", model)) rows[key_of(*record)].push_back(row_of(*record));
  for (auto& [key, of_cell] : rows)
    std::ranges::stable_sort(of_cell, {}, [](const KernelRow& row) { return rank_of(row.time); });
  return rows;
}

auto place_of(const ProfileCell& cell) {
  return std::tuple(cell.engine, order_of(cell.which), cell.keep.value_or(Kept{{1}}));
}

}  // namespace

std::string_view name_of(Limit limit) {
  constexpr std::array<std::string_view, 3> names{"–", "products", "memory"};
  return names.at(static_cast<std::size_t>(limit));
}

double KernelRow::excess() const {
  if (gap()) return time;
  return std::isfinite(time) && std::isfinite(bound) ? std::max(0.0, time - bound) : missing;
}

std::string ProfileCell::name() const {
  if (complete() || which == "all" || which == "own") return engine.name;
  return fmt::format("{} ({}{})", engine.name, which, keep ? fmt::format(", {}", keep->text()) : "");
}

double ProfileCell::gap_time() const {
  double sum = 0;
  for (const KernelRow& row : rows)
    if (row.gap()) sum += row.time;
  return sum;
}

double ProfileCell::whole_time() const {
  double sum = remainder;
  for (const KernelRow& row : rows) sum += row.time;
  return sum;
}

Limit ProfileCell::limit(const KernelRow& row) const {
  const double products = row.gmacs / product_ceiling, memory = 1e-3 * row.bytes / copy_ceiling;  // s
  if (row.gap() || !(products + memory > 0)) return Limit::unknown;
  return products >= memory ? Limit::products : Limit::memory;
}

std::vector<Opportunity> ProfileCell::opportunities(std::size_t most) const {
  std::vector<Opportunity> all;
  for (const KernelRow& row : rows) {
    const double excess = row.excess();
    if (!(excess > 0)) continue;
    const std::string kernel = kernel_role(row.kernel);
    auto same = std::ranges::find_if(
        all, [&](const Opportunity& one) { return one.range == row.range && one.kernel == kernel; });
    if (same == all.end()) same = all.insert(all.end(), {row.range, kernel, limit(row)});
    same->time += row.time;
    same->excess += excess;
  }
  std::ranges::stable_sort(all, std::greater(), &Opportunity::excess);
  all.resize(std::min(all.size(), most));
  return all;
}

const ProfileCell* ProfileStudy::complete() const { return cells.front().complete() ? &cells.front() : nullptr; }

std::vector<ProfileStudy> profile_studies(std::span<const Run> runs) {
  std::vector<ProfileStudy> studies;
  for (const std::string& model : models_of(runs, "profile"))
    for (const Run& run : runs) {
      const auto engines = engines_of(run);
      const auto rows = rows_of(run, model);
      std::map<Axes, std::map<decltype(place_of(std::declval<ProfileCell>())), ProfileCell>> settings;
      for (const Record* record : records_of(run, "profile", model)) {
        ProfileCell cell = cell_of(*record, engines);
        if (const auto found = rows.find(key_of(*record)); found != rows.end()) cell.rows = found->second;
        settings[axes_of(*record, axes_of_cell)].insert_or_assign(place_of(cell), cell);
      }
      for (const auto& [axes, cells] : settings) {
        ProfileStudy& study =
            studies.emplace_back(ProfileStudy{{model, axes}, {}, static_cast<std::size_t>(&run - runs.data())});
        for (const auto& [place, cell] : cells) study.cells.push_back(cell);
      }
    }
  return studies;
}

}  // namespace dydit::analysis
