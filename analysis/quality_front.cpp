// SPDX-License-Identifier: Apache-2.0
#include "analysis/quality_front.h"

#include <algorithm>
#include <cmath>
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

// Those of a variant by a sampler without a cache, in ascending order of their times.
std::vector<const SamplingCell*> steps_of(const QualityFront& front, const std::string& variant,
                                          const std::string& sampler) {
  std::vector<const SamplingCell*> steps;
  for (const FrontPoint& point : front.points)
    if (point.variant() == variant && point.cell.sampler == sampler && !point.cell.cached())
      steps.push_back(&point.cell);
  std::ranges::sort(steps, {}, [](const SamplingCell* cell) { return cell->time.mean; });
  return steps;
}

Interval between(const std::vector<const SamplingCell*>& steps, double time) {
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const SamplingCell &a = *steps[i - 1], &b = *steps[i];
    if (!(a.time.mean <= time && time <= b.time.mean && a.time.mean < b.time.mean)) continue;
    const double share = std::log(time / a.time.mean) / std::log(b.time.mean / a.time.mean);
    const auto at = [&](double from, double to) { return std::exp(std::lerp(std::log(from), std::log(to), share)); };
    return {at(a.frechet.mean, b.frechet.mean), at(a.frechet.low, b.frechet.low), at(a.frechet.high, b.frechet.high)};
  }
  return no_interval;
}

// The one with the smaller mean; one that is there rather than none.
const Interval& closer_of(const Interval& a, const Interval& b) {
  return b.mean < a.mean || std::isnan(a.mean) ? b : a;
}

void count(Closer& all, const Interval& distance, const Interval& other) {
  ++(std::isnan(other.mean)      ? all.beyond
     : distance.high < other.low ? all.closer
     : distance.low > other.high ? all.farther
                                 : all.untold);
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

Interval QualityFront::distance_at(const std::string& variant, double time) const {
  std::vector<std::string> samplers;
  Interval closest = no_interval;
  for (const FrontPoint& point : points) {
    if (std::ranges::find(samplers, point.cell.sampler) != samplers.end()) continue;
    samplers.push_back(point.cell.sampler);
    closest = closer_of(closest, between(steps_of(*this, variant, point.cell.sampler), time));
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
  }
  return fronts;
}

Closer& Closer::operator+=(const Closer& other) {
  closer += other.closer, farther += other.farther, untold += other.untold, beyond += other.beyond;
  return *this;
}

Closer caches_held_against_steps(const QualityFront& front) {
  Closer all;
  for (const FrontPoint& point : front.points)
    if (point.cell.cached()) count(all, point.cell.frechet, front.distance_at(point.variant(), point.cell.time.mean));
  return all;
}

Closer skipping_held_against_complete(const QualityFront& front, bool cached) {
  const auto complete = variants_of(front, /*complete=*/true);
  Closer all;
  for (const FrontPoint& point : front.points) {
    if (!point.cell.skips() || point.cell.cached() != cached || complete.empty()) continue;
    Interval closest = no_interval;
    for (const std::string& variant : complete)
      closest = closer_of(closest, front.distance_at(variant, point.cell.time.mean));
    count(all, point.cell.frechet, closest);
  }
  return all;
}

}  // namespace dydit::analysis
