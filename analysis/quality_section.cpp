// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "analysis/paper.h"
#include "analysis/quality_front.h"
#include "analysis/sample_strip.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// "of 6 cells 2 are clearly closer to real images, 1 clearly farther, of 2 it cannot be told, 1 is beyond ..."
std::string text_of(const Closer& of) {
  std::string text = fmt::format(
      "of {} cells <b>{}</b> are clearly closer to real images, <b>{}</b> clearly farther, of <b>{}</b> it cannot be "
      "told",
      of.all(), of.closer, of.farther, of.untold);
  if (of.beyond > 0) text += fmt::format(", the times of <b>{}</b> are beyond those measured", of.beyond);
  return text;
}

Judgement judgement_of(const Closer& of) {
  if (of.closer == of.all()) return Judgement::yes;
  if (of.farther == of.all()) return Judgement::no;
  return of.closer > 0 ? Judgement::in_part : Judgement::cannot_tell;
}

std::string with_ends(const Interval& interval) {
  return fmt::format("{} [{}, {}]", number(interval.mean), number(interval.low), number(interval.high));
}

// Nothing where there is no other.
std::string over(const Interval& ratio) { return std::isnan(ratio.mean) ? "" : with_ends(ratio); }

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
                 plus_minus(cell.share), number(cell.activation_memory), with_ends(cell.frechet), number(cell.kernel),
                 over(point->over_steps), over(point->over_complete), decimal(cell.precision, 3),
                 decimal(cell.recall, 3), point->on_front ? "yes" : ""});
  }
  return table(
      {"model", "engine", "cache", "sampler", "steps", "ms per<br>image", "GMACs,<br>guided", "share<br>realised", "MB",
       "Fréchet", "kernel", "over fewer<br>steps", "over<br>complete", "precision", "recall", "Pareto<br>front"},
      rows);
}

std::string published_table() {
  std::string rows;
  for (const PublishedSampling& one : published_sampling)
    rows += row({std::string(one.paper), std::string(one.what), decimal(one.speedup, 2), decimal(one.fid, 2)});
  return table({"paper", "", "times as fast", "FID"}, rows) +
         note(
             "DiT-XL/2 on ImageNet 256, guidance 1.5, 50,000 images. Times as fast as the first row of the same paper, "
             "on its machine: rows of two papers do not compare, and none of them with a distance above. " +
             fmt::format("{} papers report the same 50 steps of DDIM without a cache at {} to {}.",
                         std::size(published_baselines), decimal(std::ranges::min(published_baselines), 2),
                         decimal(std::ranges::max(published_baselines), 2)));
}

}  // namespace

std::optional<Section> quality_section(const Findings& findings, const Show& show) {
  const auto fronts = quality_fronts(sampling_studies(findings.runs));
  if (fronts.empty()) return std::nullopt;
  Section section{.id = "quality", .title = "Does a cache beat fewer steps, and what does skipping add?"};
  Closer caches, skipping, both;
  for (const QualityFront& front : fronts) {
    caches += caches_held_against_steps(front);
    skipping += skipping_held_against_complete(front, /*cached=*/false);
    both += skipping_held_against_complete(front, /*cached=*/true);
  }
  const auto say = [&](const char* what, const Closer& of) {
    if (of.all() > 0) section.answer += fmt::format("{}{}: {}.", section.answer.empty() ? "" : " ", what, text_of(of));
  };
  say("A cache, held against fewer steps of the same model in the same time", caches);
  say("A model that skips work, held against the closest complete model in the same time, both without a cache",
      skipping);
  say("The same with a cache, held against the closest complete model with that cache", both);
  if (section.answer.empty()) section.answer = "No cell has another one that it could be held against.";
  if (caches.all() > 0)
    section.tile = Tile{"Does a cache beat fewer steps?", fmt::format("{} of {}", caches.closer, caches.all()),
                        fmt::format("cells with a cache are clearly closer to real images than fewer steps in the same "
                                    "time; {} are clearly farther",
                                    caches.farther),
                        judgement_of(caches)};
  for (std::size_t i = 0; i < fronts.size(); ++i) {
    const QualityFront& front = fronts[i];
    const std::string setting = i == 0 ? "" : fmt::format("-setting-{}", i + 1);
    std::string& place = i == 0 ? section.shown : section.details;
    for (const Figure& figure : quality_front_figures(front, "quality-front" + setting))
      place += show(
          figure, fmt::format("Down and to the left is better; numbers are steps. Lines go through the numbers of "
                              "steps without a cache. Grey bars are 95&nbsp;% over images, {:.0f} for each cell, from "
                              "the same noise: what two of them have in common cancels in their ratio.",
                              front.images));
    if (const auto ratios = quality_ratio_figure(front, "quality-ratio" + setting))
      place += show(*ratios,
                    "Below 1: closer to real images than the other in the same time: a cache over fewer steps of the "
                    "same model, a model "
                    "that skips over the complete one, both over the complete one with that cache; bars are 95&nbsp;% "
                    "of ratios over "
                    "the same resampled images. A cell in whose time nothing was measured is not there.");
    if (const auto strip = strip_of(front, findings.runs))
      section.details += show(strip_figure(*strip, "quality-strip" + setting),
                              "From the same noise and labels: the slowest complete model, then cells on the front.");
    section.details += points_table(front);
  }
  for (QualityFront front : fronts_judged_again(findings.runs)) {
    for (FrontPoint& point : front.points)  // what they could be held against is not among them
      point.over_steps = point.over_complete = no_interval;
    section.details +=
        fmt::format("<h3>The front by {:.0f} other images: {}</h3>", front.images, html_escape(front.title())) +
        points_table(front);
  }
  section.details += folded("What papers report", published_table());
  section.details += note(
      described("frechet") + described("kernel") + described("precision") + described("recall") +
      "Between two numbers of steps distances are interpolated by logarithms, by the sampler that is closest there. "
      "Over fewer steps, over complete: its Fréchet distance over that of the same model in fewer steps without a "
      "cache, "
      "or of the complete model that is closest, with the same cache or none as it has, in the same time. Clearly: of "
      "ratios of the distances of resampled images, the same of both, 95&nbsp;% are on one side of 1; where a record "
      "has "
      "no such draws, intervals do not overlap. "
      "<b>†</b>: disturbed, the interval of its time is wider than a tenth of it, or unknown.");
  return section;
}

}  // namespace dydit::analysis
