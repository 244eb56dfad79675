// SPDX-License-Identifier: Apache-2.0
#include "analysis/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "analysis/paper.h"
#include "chunks.h"
#include "record/metric.h"

namespace dydit::analysis {

using record::Metric;
using record::Record;
using record::Run;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

[[noreturn]] void refuse(const Record& record, const std::string& what) {
  throw InputError("a record of " + record.study + " " + what, record.axes.dump());
}

std::string text_axis(const Record& record, const char* name) {
  const auto found = record.axes.find(name);
  if (found == record.axes.end() || !found->is_string())
    refuse(record, fmt::format("has no axis '{}'", name));
  return found->get<std::string>();
}

template <typename Enum, std::size_t count>
Enum choice(const Record& record, const char* name, const std::array<std::string_view, count>& names) {
  const auto found = std::find(names.begin(), names.end(), text_axis(record, name));
  if (found == names.end())
    refuse(record, fmt::format("has an axis '{}' other than {}", name, fmt::join(names, ", ")));
  return static_cast<Enum>(found - names.begin());
}

Interval interval(const Record& record, std::string_view name) {
  const auto found = record.metrics.find(std::string(name));
  if (found == record.metrics.end()) return {missing, missing, missing};
  const Metric& metric = found->second;
  if (metric.unit != record::metric(name).unit)
    refuse(record, fmt::format("has '{}' in '{}' where '{}' is expected", name, metric.unit,
                               record::metric(name).unit));
  const auto [low, high] = metric.ci95.value_or(std::array{missing, missing});
  return {metric.value, low, high};
}

/// What can only be positive, if it was measured.
Interval positive(const Record& record, std::string_view name) {
  const Interval found = interval(record, name);
  if (found.mean <= 0 || std::isinf(found.mean))
    refuse(record, fmt::format("has a '{}' of {}", name, found.mean));
  return found;
}

SpeedCell cell_of(const Record& record) {
  SpeedCell cell{.engine = choice<Engine>(record, "engine", engine_names),
                 .which = choice<Which>(record, "which", which_names),
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

template <typename Enum, std::size_t count>
std::string_view name_in(const std::array<std::string_view, count>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view name_of(Engine engine) {
  return name_in(engine_names, engine);
}

std::string_view name_of(Which which) {
  return name_in(which_names, which);
}

std::string_view skipped(Which which) {
  constexpr std::array<std::string_view, 6> names{"nothing",    "heads and channels",
                                                  "tokens",     "heads, channels and tokens",
                                                  "as trained", "as much, by chance"};
  return name_in(names, which);
}

std::string SpeedStudy::setting() const {
  return fmt::format("{}, {}, {} thread{}", dtype, device, threads, threads == 1 ? "" : "s");
}

std::string SpeedStudy::title() const {
  return model + ", " + setting();
}

bool SpeedStudy::trained() const {
  return std::any_of(cells.begin(), cells.end(),
                     [](const SpeedCell& cell) { return cell.which == Which::own; });
}

std::vector<SpeedStudy> speed_studies(std::span<const Run> runs) {
  using Setting = std::tuple<std::string, std::string, std::int64_t>;
  using Axes = std::tuple<Engine, std::int64_t, Which, double>;
  std::vector<SpeedStudy> studies;
  for (const std::string& model : models_of(runs, "speed")) {
    std::map<Setting, std::map<Axes, SpeedCell>> settings;
    for (const Run& run : runs)
      for (const Record* record : records_of(run, "speed", model)) {
        SpeedCell cell = cell_of(*record);
        const Axes axes{cell.engine, cell.batch, cell.which, -cell.keep};
        settings[{text_axis(*record, "device"), text_axis(*record, "dtype"), axis(*record, "threads")}]
            .insert_or_assign(axes, std::move(cell));
      }
    for (const auto& [setting, cells] : settings) {
      const auto& [device, dtype, threads] = setting;
      SpeedStudy& study = studies.emplace_back(SpeedStudy{model, dtype, device, threads, {}});
      for (const auto& [axes, cell] : cells) study.cells.push_back(cell);
    }
  }
  return studies;
}

std::vector<const SpeedCell*> shown_waterfalls(const SpeedStudy& study) {
  std::map<Which, const SpeedCell*> shown;
  for (const SpeedCell& cell : study.cells) {
    if (!cell.waterfall || cell.engine != Engine::compact || cell.which == Which::all) continue;
    const SpeedCell*& best = shown[cell.which];
    const auto nearer = [](const SpeedCell& a, const SpeedCell& b) {
      return std::abs(a.keep - 0.5) < std::abs(b.keep - 0.5);
    };
    if (best == nullptr || cell.batch > best->batch || (cell.batch == best->batch && nearer(cell, *best)))
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
