// SPDX-License-Identifier: Apache-2.0
#include "analysis/combinations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "analysis/speed.h"
#include "cells.h"

namespace dydit::analysis {

using record::Metric;
using record::Record;
using record::Run;

namespace {

constexpr std::array<std::string_view, 7> axes_of_sampling{"engine",  "which", "keep",     "cache",
                                                           "sampler", "steps", "judged_by"};

std::string name_axis(const Record& record, const char* name) {
  const std::string text = needed_axis(record, name);
  if (text.empty()) refuse(record, fmt::format("has an empty axis '{}'", name));
  return text;
}

Interval frechet_of(const Record& record) {
  const Interval frechet = interval(record, "frechet");
  if (std::isinf(frechet.mean)) refuse(record, "has an infinite distance");
  return frechet;
}

std::vector<double> frechet_draws_of(const Record& record) {
  const Metric* const frechet = find_metric(record, "frechet");
  return frechet == nullptr || frechet->blocks.empty() ? std::vector<double>() : frechet->blocks.front();
}

SamplingCell sampling_cell_of(const Record& record, const std::map<std::string, Engine>& engines) {
  SamplingCell cell{.engine = engine_of(record, engines),
                    .which = name_axis(record, "which"),
                    .keep = keep_of(record),
                    .cache = name_axis(record, "cache"),
                    .sampler = name_axis(record, "sampler"),
                    .steps = axis(record, "steps"),
                    .time = positive(record, "image_time"),
                    .speedup = positive(record, "sampling_speedup"),
                    .own_speedup = positive(record, "sampling_speedup_own"),
                    .multiplied = positive(record, "multiplied_speedup"),
                    .share = positive(record, "multiplied_share"),
                    .beyond_passes = positive(record, "beyond_passes"),
                    .theory = positive(record, "sampling_theory").mean,
                    .gmacs = positive(record, "sampling_gmacs").mean,
                    .gmacs_guided = positive(record, "sampling_gmacs_guided").mean,
                    .blocks_run = at_least_zero(record, "blocks_run"),
                    .passes = at_least_zero(record, "passes"),
                    .full_passes = at_least_zero(record, "full_passes"),
                    .activation_memory = at_least_zero(record, "activation_memory"),
                    .cache_memory = at_least_zero(record, "cache_memory"),
                    .frechet = frechet_of(record),
                    .frechet_draws = frechet_draws_of(record),
                    .kernel = interval(record, "kernel").mean,
                    .precision = at_least_zero(record, "precision"),
                    .recall = at_least_zero(record, "recall"),
                    .judged = at_least_zero(record, "judged_images"),
                    .judged_by = record.axes.contains("judged_by") ? needed_axis(record, "judged_by") : "",
                    .waterfall = sampling_waterfall_of(record),
                    .tensors = record.tensors.empty() ? "" : record.tensors.front()};
  if (cell.steps == 0) refuse(record, "has 0 steps");
  return cell;
}

constexpr std::array times_of_waterfall{"reference_image_time", "solver_image_time", "cached_image_time", "image_time"};
constexpr std::array macs_of_waterfall{"reference_gmacs", "solver_gmacs", "cached_gmacs", "sampling_gmacs_guided"};
constexpr std::size_t stages = times_of_waterfall.size();
using Stages = std::array<double, stages>;

/// The blocks of the times where all have as many; else none.
Blocks stage_blocks(const Record& record) {
  Blocks blocks;
  for (const char* name : times_of_waterfall) {
    auto medians = block_medians(record, name, *find_metric(record, name));
    if (medians.empty() || (!blocks.empty() && medians.size() != blocks.front().size())) return {};
    blocks.push_back(std::move(medians));
  }
  return blocks;
}

/// What each time is multiplied by: the cell's MACs over those that took it.
Stages scales_of(const Stages& macs) {
  Stages scales;
  for (std::size_t i = 0; i < stages; ++i) scales[i] = macs.back() / macs[i];
  return scales;
}

std::vector<double> bars_of(std::span<const double> times, const Stages& scales) {
  std::vector<double> bars{times[0] * scales[0]};
  for (std::size_t i = 1; i < stages; ++i) bars.push_back(times[i] * scales[i] - times[i - 1] * scales[i - 1]);
  return bars;
}

/// The bars with intervals from the times' half-widths, as if they erred apart from each other.
std::vector<Interval> simple_intervals(const std::vector<double>& bars, std::span<const Interval> times,
                                       const Stages& scales) {
  const auto half = [&](std::size_t i) { return scales[i] * times[i].half_width(); };
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i < stages; ++i) {
    const double error = i == 0 ? half(0) : std::hypot(half(i), half(i - 1));
    intervals.push_back({bars[i], bars[i] - error, bars[i] + error});
  }
  return intervals;
}

bool same_keep(const SamplingCell& a, const SamplingCell& b) { return a.keep == b.keep; }

/// The first that is so, of the same share kept where there is one; null for none.
template <typename Condition>
const SamplingCell* beside(const std::vector<SamplingCell>& cells, const SamplingCell& cell, Condition condition) {
  const SamplingCell* found = nullptr;
  for (const SamplingCell& other : cells)
    if (condition(other) && (found == nullptr || (!same_keep(*found, cell) && same_keep(other, cell)))) found = &other;
  return found;
}

}  // namespace

std::string cache_alone(const std::string& cache) {
  constexpr std::string_view anew = ",anew";
  return cache.ends_with(anew) ? cache.substr(0, cache.size() - anew.size()) : cache;
}

std::string SamplingCell::variant() const {
  if (engine.executes == Executes::all || which == "own") return engine.name;
  return fmt::format("{} ({}{})", engine.name, which == "all" ? "all on" : which,
                     keep && which != "all" ? fmt::format(", {}", keep->text()) : "");
}

std::string SamplingCell::name() const {
  return fmt::format("{}{} + {} {}", variant(), cached() ? " + " + cache : "", sampler, steps);
}

const SamplingCell* SamplingStudy::reference() const {
  const auto found = std::ranges::find_if(cells, [](const SamplingCell& cell) {
    return cell.engine.executes == Executes::all && !cell.cached() && cell.speedup.mean == 1;
  });
  return found == cells.end() ? nullptr : &*found;
}

std::vector<const SamplingCell*> SamplingStudy::separate(const SamplingCell& cell) const {
  const SamplingCell* const first = reference();
  const auto by_first = [&](const SamplingCell& other) {
    return first != nullptr && other.sampler == first->sampler && other.steps == first->steps;
  };
  const auto complete = [&](const SamplingCell& other) { return first != nullptr && other.engine == first->engine; };
  std::vector<const SamplingCell*> parts;
  if (cell.skips())
    parts.push_back(beside(cells, cell, [&](const SamplingCell& other) {
      return other.engine == cell.engine && other.which == cell.which && same_keep(other, cell) && !other.cached() &&
             by_first(other);
    }));
  if (cell.cached()) {
    const auto alone = [&](const std::string& cache) {
      return beside(cells, cell, [&](const SamplingCell& other) {
        return complete(other) && other.cache == cache && by_first(other);
      });
    };
    const SamplingCell* const same = alone(cell.cache);
    parts.push_back(same != nullptr ? same : alone(cache_alone(cell.cache)));
  }
  if (first != nullptr && !by_first(cell))
    parts.push_back(beside(cells, cell, [&](const SamplingCell& other) {
      return complete(other) && !other.cached() && other.sampler == cell.sampler && other.steps == cell.steps;
    }));
  return parts;
}

std::vector<SamplingStudy> sampling_studies(std::span<const Run> runs) {
  return studies_of<SamplingStudy>(runs, "sampling", axes_of_sampling, sampling_cell_of, [](const SamplingCell& cell) {
    return std::tuple(cell.engine, order_of(cell.which), cell.keep.value_or(Kept{{1}}), cell.keep.has_value(),
                      cell.cached(), cell.cache, -cell.steps, cell.sampler);
  });
}

std::optional<SamplingWaterfall> sampling_waterfall_of(const Record& record) {
  std::array<Interval, stages> times;
  Stages macs;
  for (std::size_t i = 0; i < stages; ++i) {
    times[i] = positive(record, times_of_waterfall[i]);
    macs[i] = positive(record, macs_of_waterfall[i]).mean;
    if (!std::isfinite(times[i].mean) || !std::isfinite(macs[i])) return std::nullopt;
  }
  const Stages scales = scales_of(macs);
  const auto bars = bars_of(std::array{times[0].mean, times[1].mean, times[2].mean, times[3].mean}, scales);
  const Blocks blocks = stage_blocks(record);
  auto intervals = blocks.empty() ? simple_intervals(bars, times, scales)
                                  : of_medians(blocks, [&](auto medians) { return bars_of(medians, scales); });
  for (std::size_t i = 0; i < stages; ++i) {
    if (!std::isfinite(bars[i])) refuse(record, "has times or MACs beyond all numbers");
    intervals[i].mean = bars[i];
    if (i > 0 && times[i].mean == times[i - 1].mean && macs[i] == macs[i - 1]) intervals[i] = {0, 0, 0};
  }
  return SamplingWaterfall{intervals[0], {intervals[1], intervals[2], intervals[3]}};
}

std::vector<const SamplingCell*> shown_combinations(const SamplingStudy& study) {
  std::map<Engine, const SamplingCell*> shown;
  const auto larger = [&](const SamplingCell& a, const SamplingCell& b) {
    const std::size_t parts = study.separate(a).size(), others = study.separate(b).size();
    return parts != others ? parts > others : a.time.mean < b.time.mean;
  };
  for (const SamplingCell& cell : study.cells) {
    if (!cell.waterfall || study.separate(cell).size() < 2) continue;
    const SamplingCell*& best = shown[cell.engine];
    if (best == nullptr || larger(cell, *best)) best = &cell;
  }
  std::vector<const SamplingCell*> result;
  for (const auto& [engine, cell] : shown) result.push_back(cell);
  return result;
}

}  // namespace dydit::analysis
