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

}  // namespace

std::string QualityFront::title() const { return Study{"", axes}.setting(); }

std::vector<std::string> QualityFront::models() const {
  std::vector<std::string> names;
  for (const FrontPoint& point : points)
    if (std::ranges::find(names, point.model) == names.end()) names.push_back(point.model);
  return names;
}

std::vector<const FrontPoint*> QualityFront::steps_of(const std::string& model, const std::string& sampler) const {
  std::vector<const FrontPoint*> steps;
  for (const FrontPoint& point : points)
    if (point.model == model && point.cell.sampler == sampler && !point.cell.cached()) steps.push_back(&point);
  std::ranges::sort(steps, {}, [](const FrontPoint* point) { return point->cell.time.mean; });
  return steps;
}

std::vector<QualityFront> quality_fronts(const std::vector<SamplingStudy>& studies) {
  std::vector<QualityFront> fronts;
  for (const SamplingStudy& study : studies)
    for (const SamplingCell& cell : study.cells) {
      if (!judged(cell)) continue;
      auto front = std::ranges::find(fronts, study.axes, &QualityFront::axes);
      if (front == fronts.end()) front = fronts.insert(fronts.end(), {study.axes, {}});
      front->points.push_back({study.model, cell});
    }
  for (QualityFront& front : fronts) {
    const auto names = front.models();
    std::ranges::stable_sort(front.points, {}, [&](const FrontPoint& point) {
      return std::tuple(std::ranges::find(names, point.model) - names.begin(), point.cell.sampler, point.cell.cached(),
                        point.cell.cache, -point.cell.steps);
    });
    mark_front(front.points);
  }
  return fronts;
}

Interval distance_at(const std::vector<const FrontPoint*>& steps, double time) {
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const SamplingCell &a = steps[i - 1]->cell, &b = steps[i]->cell;
    if (!(a.time.mean <= time && time <= b.time.mean && a.time.mean < b.time.mean)) continue;
    const double share = std::log(time / a.time.mean) / std::log(b.time.mean / a.time.mean);
    const auto between = [&](double from, double to) {
      return std::exp(std::lerp(std::log(from), std::log(to), share));
    };
    const Interval found{between(a.frechet.mean, b.frechet.mean), between(a.frechet.low, b.frechet.low),
                         between(a.frechet.high, b.frechet.high)};
    return std::isfinite(found.mean) ? found : no_interval;
  }
  return no_interval;
}

Judgement better(const FrontPoint& point, const Interval& other) {
  if (point.cell.frechet.high < other.low) return Judgement::yes;
  return point.cell.frechet.low > other.high ? Judgement::no : Judgement::cannot_tell;
}

}  // namespace dydit::analysis
