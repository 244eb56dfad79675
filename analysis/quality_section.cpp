// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "analysis/quality_front.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// How many cells are clearly better than a line, clearly worse, and neither.
struct Count {
  std::size_t better = 0, worse = 0, untold = 0;

  void add(Judgement judgement) {
    ++(judgement == Judgement::yes ? better : judgement == Judgement::no ? worse : untold);
  }
  std::size_t all() const { return better + worse + untold; }
  Judgement judgement() const {
    if (all() == 0 || untold == all()) return Judgement::cannot_tell;
    if (worse == 0 && untold == 0) return Judgement::yes;
    return better == 0 ? (untold == 0 ? Judgement::no : Judgement::cannot_tell) : Judgement::in_part;
  }
  std::string text() const {
    return fmt::format("of {} cells {} are clearly closer to real images, {} clearly farther, of {} it cannot be told",
                       all(), bold(better), bold(worse), bold(untold));
  }

 private:
  static std::string bold(std::size_t count) { return fmt::format("<b>{}</b>", count); }
};

/// Against fewer steps of the same model, at the same time.
Count of_caches(const QualityFront& front) {
  Count count;
  for (const FrontPoint& point : front.points) {
    if (!point.cell.cached()) continue;
    const Interval other = distance_at(front.steps_of(point.model, point.cell.sampler), point.cell.time.mean);
    if (std::isfinite(other.mean)) count.add(better(point, other));
  }
  return count;
}

/// Models that skip work, without a cache, against the steps of the complete one, at the same time.
Count of_skipping(const QualityFront& front) {
  Count count;
  for (const FrontPoint& point : front.points) {
    if (!point.cell.skips() || point.cell.cached()) continue;
    for (const std::string& model : front.models()) {
      const auto steps = front.steps_of(model, point.cell.sampler);
      if (steps.empty() || steps.front()->cell.skips()) continue;
      const Interval other = distance_at(steps, point.cell.time.mean);
      if (std::isfinite(other.mean)) count.add(better(point, other));
      break;  // the first complete one
    }
  }
  return count;
}

std::string points_table(const QualityFront& front) {
  std::vector<const FrontPoint*> points;
  for (const FrontPoint& point : front.points) points.push_back(&point);
  std::ranges::stable_sort(points, {}, [](const FrontPoint* point) { return point->cell.time.mean; });
  std::string rows;
  for (const FrontPoint* point : points) {
    const SamplingCell& cell = point->cell;
    rows += row({html_escape(point->model), html_escape(cell.engine.name), html_escape(cell.cache),
                 html_escape(cell.sampler), std::to_string(cell.steps),
                 plus_minus(cell.time) + (cell.disturbed() ? " †" : ""), number(cell.gmacs_guided),
                 plus_minus(cell.share), number(cell.activation_memory), plus_minus(cell.frechet), number(cell.kernel),
                 decimal(cell.precision, 3), decimal(cell.recall, 3), point->on_front ? "yes" : ""});
  }
  return table({"model", "engine", "cache", "sampler", "steps", "ms per<br>image", "GMACs,<br>guided",
                "share<br>realised", "MB", "Fréchet", "kernel", "precision", "recall", "front"},
               rows);
}

}  // namespace

std::optional<Section> quality_section(const Findings& findings, const Show& show) {
  const auto fronts = quality_fronts(sampling_studies(findings.runs));
  if (fronts.empty()) return std::nullopt;
  Section section{.id = "quality", .title = "Does a cache beat fewer steps, and what does skipping add?"};
  std::size_t number_of = 0;
  for (const QualityFront& front : fronts) {
    const Count caches = of_caches(front), skipping = of_skipping(front);
    if (number_of == 0) {
      section.answer = fmt::format(
          "At the time that a cache takes, held against fewer steps of the same model without one: {}. At the time of "
          "a "
          "model that skips, held against the complete model in fewer steps: {}.",
          caches.text(), skipping.text());
      section.tile = Tile{"Does a cache beat fewer steps?", fmt::format("{} of {}", caches.better, caches.all()),
                          "cells with a cache are clearly closer to real images than fewer steps in the same time",
                          caches.judgement()};
    }
    const Figure figure =
        quality_front_figure(front, number_of == 0 ? "quality-front" : fmt::format("quality-front-{}", number_of + 1));
    (number_of == 0 ? section.shown : section.details) += show(
        figure,
        fmt::format("Down and to the left is better. Lines go through the numbers of steps of a model without a cache, "
                    "dashes tell samplers; a cache beats fewer steps where its symbol is below the line of its colour. "
                    "Bars are 95&nbsp;% over images; {:.0f} images for each cell, from the same noise.",
                    front.points.front().cell.judged));
    section.details += points_table(front);
    ++number_of;
  }
  section.details += note(described("frechet") + described("kernel") + described("precision") + described("recall") +
                          "Between two numbers of steps distances are interpolated by logarithms. "
                          "<b>†</b>: disturbed, the interval of its time is wider than a tenth of it, or unknown.");
  return section;
}

}  // namespace dydit::analysis
