// SPDX-License-Identifier: Apache-2.0
#include "analysis/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "analysis/paper.h"
#include "cells.h"

namespace dydit::analysis {

using record::Record;
using record::Run;

namespace {

SpeedCell cell_of(const Record& record, const std::map<std::string, Engine>& engines) {
  SpeedCell cell{.engine = engine_of(record, engines),
                 .which = needed_axis(record, "which"),
                 .keep = keep_of(record).value_or(Kept()),
                 .batch = axis(record, "batch"),
                 .time = positive(record, "time"),
                 .speedup = positive(record, "speedup"),
                 .realisation = positive(record, "realisation"),
                 .over_floor = positive(record, "over_floor"),
                 .lambda_planned = interval(record, "lambda_planned").mean,
                 .sm_clock = positive(record, "sm_clock").mean,
                 .floor_clock = positive(record, "floor_clock").mean,
                 .floor_realisation = positive(record, "floor_realisation").mean,
                 .theoretical_speedup = positive(record, "theoretical_speedup").mean,
                 .gmacs = positive(record, "gmacs").mean,
                 .lambda_realised = interval(record, "lambda_realised").mean,
                 .activation_memory = interval(record, "activation_memory").mean,
                 .weight_memory = interval(record, "weight_memory").mean,
                 .waterfall = std::nullopt};
  if (cell.keep.shares.empty()) refuse(record, "has no axis 'keep'");
  if (cell.which.empty()) refuse(record, "has an empty axis 'which'");
  if (cell.batch == 0) refuse(record, "has a batch of 0");
  if (std::isnan(cell.time.mean)) refuse(record, "has no time");
  cell.waterfall = waterfall_of(record);
  return cell;
}

/// The part of the name that the paper's table knows: "XL" of "DyDiT-XL/2"; of other patches it has none.
std::string_view size_of(std::string_view model) {
  constexpr std::string_view before = "DiT-", patch = "/2";
  const auto begin = model.find(before);
  if (begin == model.npos || !model.ends_with(patch)) return "";
  model.remove_prefix(begin + before.size());
  model.remove_suffix(patch.size());
  return model;
}

constexpr std::array<std::string_view, 4> axes_of_cell{"engine", "which", "keep", "batch"};

}  // namespace

Skipped skipped(std::string_view which) {
  for (const Skipped& known : skipped_units)
    if (known.which == which) return known;
  return {which, which, true};
}

std::pair<bool, double> SpeedCell::distance(double share) const {
  return {keep.by_axis(), std::abs((keep.by_axis() ? lambda_realised : keep.shares.front()) - share)};
}

std::vector<std::string> SpeedStudy::engines(Executes executes) const {
  std::set<std::string> names;
  for (const SpeedCell& cell : cells)
    if (cell.engine.executes == executes) names.insert(cell.engine.name);
  return {names.begin(), names.end()};
}

bool SpeedStudy::trained() const {
  return std::any_of(cells.begin(), cells.end(), [](const SpeedCell& cell) { return cell.own(); });
}

std::vector<SpeedStudy> speed_studies(std::span<const Run> runs) {
  return studies_of<SpeedStudy>(runs, "speed", axes_of_cell, cell_of, [](const SpeedCell& cell) {
    return std::tuple(cell.engine, cell.batch, order_of(cell.which), cell.keep);
  });
}

std::vector<const SpeedCell*> shown_waterfalls(const SpeedStudy& study) {
  std::map<std::pair<std::string, std::pair<std::ptrdiff_t, std::string>>, const SpeedCell*> shown;
  for (const SpeedCell& cell : study.cells) {
    if (!cell.waterfall || cell.engine.executes != Executes::kept || cell.everything_on()) continue;
    const SpeedCell*& best = shown[{cell.engine.name, order_of(cell.which)}];
    if (best == nullptr || cell.batch > best->batch ||
        (cell.batch == best->batch && cell.distance(0.5) < best->distance(0.5)))
      best = &cell;
  }
  std::vector<const SpeedCell*> result;
  for (const auto& [which, cell] : shown) result.push_back(cell);
  return result;
}

std::vector<PublishedSpeed> published_speeds(const std::string& model) {
  std::vector<PublishedSpeed> points;
  double dense = 0;
  for (const PaperSpeed& point : paper_speed)
    if (point.size == size_of(model)) {
      if (point.lambda == 1) dense = point.gmacs;
      points.push_back({dense / point.gmacs, point.speedup});
    }
  return points;
}

double published_realisation(const std::string& model, double theoretical_speedup) {
  const auto points = published_speeds(model);
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto [left, slower] = points[i - 1];
    const auto [right, faster] = points[i];
    if (left <= theoretical_speedup && theoretical_speedup <= right)
      return std::lerp(slower / left, faster / right, (theoretical_speedup - left) / (right - left));
  }
  return missing;
}

}  // namespace dydit::analysis
