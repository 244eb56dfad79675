// SPDX-License-Identifier: Apache-2.0
#include "analysis/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "analysis/paper.h"
#include "chunks.h"

namespace dydit::analysis {

using record::Json;
using record::Metric;
using record::Record;
using record::Run;

namespace {

std::string needed_axis(const Record& record, const char* name) {
  if (!record.axes.contains(name) || !record.axes[name].is_string())
    refuse(record, fmt::format("has no axis '{}'", name));
  return text_axis(record, name);
}

Engine engine_of(const Record& record, const std::map<std::string, Engine>& engines) {
  const auto found = engines.find(needed_axis(record, "engine"));
  if (found == engines.end()) refuse(record, "has an engine that its manifest does not name");
  return found->second;
}

Interval interval(const Record& record, const char* name) {
  const Metric* metric = find_metric(record, name);
  if (metric == nullptr) return no_interval;
  const auto [low, high] = metric->ci95.value_or(std::array{missing, missing});
  return {metric->value, low, high};
}

/// What can only be positive, if it was measured.
Interval positive(const Record& record, const char* name) {
  const Interval found = interval(record, name);
  if (found.mean <= 0 || std::isinf(found.mean)) refuse(record, fmt::format("has a '{}' of {}", name, found.mean));
  return found;
}

SpeedCell cell_of(const Record& record, const std::map<std::string, Engine>& engines) {
  SpeedCell cell{.engine = engine_of(record, engines),
                 .which = needed_axis(record, "which"),
                 .keep = record.axes.contains("keep") && record.axes["keep"].is_number()
                             ? record.axes["keep"].get<double>()
                             : missing,
                 .batch = axis(record, "batch"),
                 .time = positive(record, "time"),
                 .speedup = positive(record, "speedup"),
                 .realisation = positive(record, "realisation"),
                 .theoretical_speedup = positive(record, "theoretical_speedup").mean,
                 .gmacs = positive(record, "gmacs").mean,
                 .lambda_realised = interval(record, "lambda_realised").mean,
                 .activation_memory = interval(record, "activation_memory").mean,
                 .weight_memory = interval(record, "weight_memory").mean,
                 .waterfall = std::nullopt};
  if (!(cell.keep >= 0 && cell.keep <= 1)) refuse(record, "has no axis 'keep' from 0 to 1");
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

/// Known ways of skipping in the order of their table, then others by name.
auto order_of(const std::string& which) {
  const auto known =
      std::find_if(skipped_units.begin(), skipped_units.end(), [&](const Skipped& o) { return o.which == which; });
  return std::pair(known - skipped_units.begin(), which);
}

/// What makes a study.
Axes axes_of(const Record& record) {
  std::map<std::string, Json> others;
  for (const auto& [name, value] : record.axes.items()) others[name] = value;
  for (const char* known : {"model", "engine", "which", "keep", "batch", "dtype", "device", "threads"})
    others.erase(known);
  Axes axes{{"device", needed_axis(record, "device")},
            {"dtype", needed_axis(record, "dtype")},
            {"threads", axis(record, "threads")}};
  axes.insert(axes.end(), others.begin(), others.end());
  return axes;
}

}  // namespace

Skipped skipped(std::string_view which) {
  for (const Skipped& known : skipped_units)
    if (known.which == which) return known;
  return {which, which, true};
}

std::vector<std::string> SpeedStudy::engines(Executes executes) const {
  std::set<std::string> names;
  for (const SpeedCell& cell : cells)
    if (cell.engine.executes == executes) names.insert(cell.engine.name);
  return {names.begin(), names.end()};
}

std::string SpeedStudy::setting(bool with_threads) const {
  std::vector<std::string> parts;
  for (const auto& [name, value] : axes) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "dtype")
      parts.insert(parts.begin(), text);
    else if (name == "device")
      parts.push_back(text);
    else if (name != "threads")
      parts.push_back(name + " " + text);
    else if (with_threads)
      parts.push_back(text + (text == "1" ? " thread" : " threads"));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string SpeedStudy::title() const { return model + ", " + setting(); }

bool SpeedStudy::trained() const {
  return std::any_of(cells.begin(), cells.end(), [](const SpeedCell& cell) { return cell.own(); });
}

std::vector<SpeedStudy> speed_studies(std::span<const Run> runs) {
  using Point = std::tuple<Engine, std::int64_t, std::pair<std::ptrdiff_t, std::string>, double>;
  std::vector<SpeedStudy> studies;
  for (const std::string& model : models_of(runs, "speed")) {
    std::map<Axes, std::map<Point, SpeedCell>> settings;
    for (const Run& run : runs) {
      const auto engines = engines_of(run);
      for (const Record* record : records_of(run, "speed", model)) {
        SpeedCell cell = cell_of(*record, engines);
        const Point point{cell.engine, cell.batch, order_of(cell.which), -cell.keep};
        settings[axes_of(*record)].insert_or_assign(point, std::move(cell));
      }
    }
    for (const auto& [axes, cells] : settings) {
      SpeedStudy& study = studies.emplace_back(SpeedStudy{model, axes, {}});
      for (const auto& [point, cell] : cells) study.cells.push_back(cell);
    }
  }
  return studies;
}

std::vector<const SpeedCell*> shown_waterfalls(const SpeedStudy& study) {
  std::map<std::pair<std::string, std::pair<std::ptrdiff_t, std::string>>, const SpeedCell*> shown;
  for (const SpeedCell& cell : study.cells) {
    if (!cell.waterfall || cell.engine.executes != Executes::kept || cell.everything_on()) continue;
    const SpeedCell*& best = shown[{cell.engine.name, order_of(cell.which)}];
    const auto nearer = [](const SpeedCell& a, const SpeedCell& b) {
      return std::abs(a.keep - 0.5) < std::abs(b.keep - 0.5);
    };
    if (best == nullptr || cell.batch > best->batch || (cell.batch == best->batch && nearer(cell, *best))) best = &cell;
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
