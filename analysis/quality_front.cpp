// SPDX-License-Identifier: Apache-2.0
#include "analysis/quality_front.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace dydit::analysis {

namespace {

// Images held against themselves are 0 apart but for rounding, which has no logarithm.
bool judged(const SamplingCell& cell) {
  return cell.frechet.mean > 0 && std::isfinite(cell.frechet.mean) && std::isfinite(cell.time.mean);
}

void mark_front(std::vector<FrontPoint>& points) {
  for (FrontPoint& point : points) {
    const SamplingCell& cell = point.cell;
    point.on_front = std::ranges::none_of(points, [&](const FrontPoint& other) {
      const SamplingCell& by = other.cell;
      return by.time.mean <= cell.time.mean && by.frechet.mean <= cell.frechet.mean &&
             (by.time.mean < cell.time.mean || by.frechet.mean < cell.frechet.mean);
    });
  }
}

// Those of a variant by a sampler with a cache, in ascending order of their times.
std::vector<const SamplingCell*> steps_of(const QualityFront& front, const std::string& variant,
                                          const std::string& sampler, const std::string& cache) {
  std::vector<const SamplingCell*> steps;
  for (const FrontPoint& point : front.points)
    if (point.variant() == variant && point.cell.sampler == sampler && point.cell.cache == cache)
      steps.push_back(&point.cell);
  std::ranges::sort(steps, {}, [](const SamplingCell* cell) { return cell->time.mean; });
  return steps;
}

Distance between(const std::vector<const SamplingCell*>& steps, double time) {
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const SamplingCell &a = *steps[i - 1], &b = *steps[i];
    if (!(a.time.mean <= time && time <= b.time.mean && a.time.mean < b.time.mean)) continue;
    const double share = std::log(time / a.time.mean) / std::log(b.time.mean / a.time.mean);
    const auto at = [&](double from, double to) { return std::exp(std::lerp(std::log(from), std::log(to), share)); };
    Distance distance{
        {at(a.frechet.mean, b.frechet.mean), at(a.frechet.low, b.frechet.low), at(a.frechet.high, b.frechet.high)}, {}};
    if (a.frechet_draws.size() == b.frechet_draws.size())
      for (std::size_t r = 0; r < a.frechet_draws.size(); ++r)
        distance.draws.push_back(at(a.frechet_draws[r], b.frechet_draws[r]));
    return distance;
  }
  return {};
}

// The one with the smaller mean; one that is there rather than none.
const Distance& closer_of(const Distance& a, const Distance& b) {
  return b.value.mean < a.value.mean || std::isnan(a.value.mean) ? b : a;
}

// The ratio of resampled images lies about the value's as it lies about its own mean: copies among them make a distance
// larger.
Interval ratio_of(const SamplingCell& cell, const Distance& other) {
  Interval ratio{cell.frechet.mean / other.value.mean, missing, missing};
  constexpr std::size_t fewest = 20;
  std::vector<double> draws;
  for (std::size_t r = 0; r < cell.frechet_draws.size() && r < other.draws.size(); ++r)
    draws.push_back(std::log(cell.frechet_draws[r] / other.draws[r]));
  const auto finite = [](double draw) { return std::isfinite(draw); };
  if (cell.frechet_draws.size() == other.draws.size() && draws.size() >= fewest && std::ranges::all_of(draws, finite)) {
    std::ranges::sort(draws);
    const double mean = std::accumulate(draws.begin(), draws.end(), 0.0) / static_cast<double>(draws.size());
    ratio.low = ratio.mean * std::exp(percentile(draws, 0.025) - mean);
    ratio.high = ratio.mean * std::exp(percentile(draws, 0.975) - mean);
  } else if (cell.frechet.low > 0 && other.value.low > 0) {
    ratio.low = cell.frechet.low / other.value.high;
    ratio.high = cell.frechet.high / other.value.low;
  }
  return ratio;
}

void count(Closer& all, const Interval& ratio) {
  const bool closer = ratio.high < 1;
  const bool farther = ratio.low > 1;
  ++(std::isnan(ratio.mean) ? all.beyond : closer ? all.closer : farther ? all.farther : all.untold);
}

std::vector<std::string> variants_of(const QualityFront& front, bool complete) {
  std::vector<std::string> names;
  for (const FrontPoint& point : front.points)
    if ((point.cell.engine.executes == Executes::all) == complete &&
        std::ranges::find(names, point.variant()) == names.end())
      names.push_back(point.variant());
  return names;
}

}  // namespace

std::string QualityFront::title() const { return Study{"", axes}.setting(); }

Distance QualityFront::distance_at(const std::string& variant, const std::string& cache, double time) const {
  std::vector<std::string> samplers;
  Distance closest;
  for (const FrontPoint& point : points) {
    if (std::ranges::find(samplers, point.cell.sampler) != samplers.end()) continue;
    samplers.push_back(point.cell.sampler);
    closest = closer_of(closest, between(steps_of(*this, variant, point.cell.sampler, cache), time));
  }
  return closest;
}

std::vector<QualityFront> quality_fronts(const std::vector<SamplingStudy>& studies) {
  std::vector<QualityFront> fronts;
  for (const SamplingStudy& study : studies)
    for (const SamplingCell& cell : study.cells) {
      if (!judged(cell)) continue;
      auto front = std::ranges::find_if(fronts, [&](const QualityFront& one) {
        return one.axes == study.axes && one.judged_by == cell.judged_by && one.images == cell.judged;
      });
      if (front == fronts.end()) front = fronts.insert(fronts.end(), {study.axes, cell.judged_by, cell.judged, {}});
      front->points.push_back({study.model, cell});
    }
  for (QualityFront& front : fronts) {
    std::vector<std::string> models;  // in the order of the studies
    for (const FrontPoint& point : front.points)
      if (std::ranges::find(models, point.model) == models.end()) models.push_back(point.model);
    std::ranges::stable_sort(front.points, {}, [&](const FrontPoint& point) {
      return std::tuple(std::ranges::find(models, point.model) - models.begin(), point.cell.engine.name,
                        point.cell.sampler, point.cell.cached(), point.cell.cache, -point.cell.steps);
    });
    mark_front(front.points);
    const auto complete = variants_of(front, /*complete=*/true);
    // Of the same name where a variant has it.
    const auto cache_of = [&](const std::string& variant, const std::string& cache) {
      const auto has = [&](const FrontPoint& point) { return point.variant() == variant && point.cell.cache == cache; };
      return std::ranges::any_of(front.points, has) ? cache : cache_alone(cache);
    };
    for (FrontPoint& point : front.points) {
      const double time = point.cell.time.mean;
      if (point.cell.cached())
        point.over_steps = ratio_of(point.cell, front.distance_at(point.variant(), "none", time));
      if (!point.cell.skips()) continue;
      Distance closest;
      for (const std::string& variant : complete)
        closest = closer_of(closest, front.distance_at(variant, cache_of(variant, point.cell.cache), time));
      point.over_complete = ratio_of(point.cell, closest);
    }
  }
  return fronts;
}

std::vector<QualityFront> fronts_judged_again(std::span<const record::Run> runs) {
  std::vector<record::Run> again;
  for (const record::Run& run : runs) {
    record::Run& of = again.emplace_back(record::Run{run.path, run.manifest, {}});
    for (const record::Record& front : run.records) {
      if (front.study != "front" || front.status != record::Status::ok) continue;
      const auto cell = std::find_if(run.records.rbegin(), run.records.rend(), [&](const record::Record& record) {
        return record.study == "sampling" && record.axes == front.axes;
      });
      if (cell == run.records.rend()) continue;
      record::Record& both = of.records.emplace_back(*cell);  // its time, and how good its images are by more of them
      for (const auto& [name, metric] : front.metrics) both.metrics[name] = metric;
    }
  }
  return quality_fronts(sampling_studies(again));
}

Closer& Closer::operator+=(const Closer& other) {
  closer += other.closer, farther += other.farther, untold += other.untold, beyond += other.beyond;
  return *this;
}

Closer caches_held_against_steps(const QualityFront& front) {
  Closer all;
  for (const FrontPoint& point : front.points)
    if (point.cell.cached()) count(all, point.over_steps);
  return all;
}

Closer skipping_held_against_complete(const QualityFront& front, bool cached) {
  Closer all;
  if (variants_of(front, /*complete=*/true).empty()) return all;
  for (const FrontPoint& point : front.points)
    if (point.cell.skips() && point.cell.cached() == cached) count(all, point.over_complete);
  return all;
}

}  // namespace dydit::analysis
