// SPDX-License-Identifier: Apache-2.0
#include "analysis/tradeoffs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// Null for none.
template <typename Tradeoffs>
auto* find_in(Tradeoffs& all, const std::string& model) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Tradeoff& o) { return o.model == model; });
  return found == all.end() ? nullptr : &*found;
}

Tradeoff& find_or_add(std::vector<Tradeoff>& all, const std::string& model) {
  if (Tradeoff* found = find_in(all, model)) return *found;
  all.emplace_back().model = model;
  return all.back();
}

/// Of the dynamic models and of the dense ones that they are held against; what the former lose.
void add_losses(std::vector<Tradeoff>& all, const LossGap& gap) {
  std::set<std::size_t> references;
  for (const ModelLoss& model : gap.models)
    if (model.dynamic) references.insert(model.reference);
  for (std::size_t m = 0; m < gap.models.size(); ++m) {
    const ModelLoss& model = gap.models[m];
    if (!model.dynamic && !references.contains(m)) continue;
    Tradeoff& tradeoff = find_or_add(all, model.model);
    if (!model.dynamic) continue;
    tradeoff.reference = gap.reference_of(model).model;
    tradeoff.loss_percent = times(100 / gap.reference_of(model).mean_mse(), model.mean_gap);
  }
}

void add_training(Tradeoff& tradeoff, const LearningCurve& curve) {
  const LearningPoint& last = curve.points.back();
  tradeoff.decide = curve.decide;
  tradeoff.skip = curve.skip;
  tradeoff.order = curve.order;
  tradeoff.target = last.lambda_target;
  tradeoff.lambda = last.lambda_realised;
  tradeoff.held_out_mse = last.held_out_mse;
}

void add_paired(std::vector<Tradeoff>& all, const LossGap& gap, std::uint64_t bootstrap_seed) {
  const auto loss_of = [&](const Tradeoff& tradeoff) {
    return std::find_if(gap.models.begin(), gap.models.end(),
                        [&](const ModelLoss& model) { return model.model == tradeoff.model; });
  };
  const auto by_image = [](const ModelLoss& model) {
    return Eigen::Map<const Eigen::VectorXd>(model.image_gap.data(), std::ssize(model.image_gap));
  };
  for (Tradeoff& tradeoff : all) {
    const auto both = std::find_if(all.begin(), all.end(), [&](const Tradeoff& o) {
      return o.loss_percent && o.decide == "routers" && o.skip == "both" && o.target == tradeoff.target &&
             o.reference == tradeoff.reference;
    });
    if (!tradeoff.loss_percent || both == all.end() || &*both == &tradeoff) continue;
    const auto own = loss_of(tradeoff), other = loss_of(*both);
    const double percent = 100 / gap.reference_of(*own).mean_mse();
    tradeoff.over_both_percent = bootstrap_means(percent * (by_image(*own) - by_image(*other)), bootstrap_seed).front();
  }
}

/// One of each engine, of its largest batch.
std::vector<SpeedCell> own_cells(const SpeedStudy& study) {
  std::vector<SpeedCell> cells;
  for (const SpeedCell& cell : study.cells) {  // by engine and batch
    if (cell.engine.executes != Executes::kept || !cell.own()) continue;
    if (cells.empty() || cells.back().engine != cell.engine)
      cells.push_back(cell);
    else if (cell.batch > cells.back().batch)
      cells.back() = cell;
  }
  return cells;
}

void add_speed(std::vector<Tradeoff>& all, const std::vector<SpeedStudy>& speed) {
  for (const SpeedStudy& study : speed) {
    Tradeoff* const tradeoff = find_in(all, study.model);
    const auto own = own_cells(study);
    if (tradeoff == nullptr || own.empty() || !tradeoff->cells.empty()) continue;
    const std::int64_t batch = own.front().batch;
    tradeoff->cells = own;
    tradeoff->timed = fmt::format("{}, batch {}", study.setting(false), batch);
    if (!std::isfinite(tradeoff->lambda)) tradeoff->lambda = own.front().lambda_realised;
    Tradeoff* const dense = find_in(all, tradeoff->reference);
    const auto cell = std::find_if(study.cells.begin(), study.cells.end(), [&](const SpeedCell& o) {
      return o.engine.executes == Executes::all && o.batch == batch;
    });
    if (dense == nullptr || cell == study.cells.end() || !dense->cells.empty()) continue;
    dense->cells = {*cell};
    dense->timed = tradeoff->timed;
  }
}

bool drawn(const Tradeoff& tradeoff) { return tradeoff.loss_percent && std::isfinite(tradeoff.lambda); }

struct Curve {
  std::string name;
  std::vector<const Tradeoff*> points;  ///< ascending shares
};

std::vector<Curve> curves_of(const std::vector<Tradeoff>& tradeoffs) {
  const auto first = std::find_if(tradeoffs.begin(), tradeoffs.end(), drawn);
  const bool one_size = std::all_of(first, tradeoffs.end(), [&](const Tradeoff& tradeoff) {
    return !drawn(tradeoff) || tradeoff.reference == first->reference;
  });
  std::vector<Curve> curves;
  for (const Tradeoff& tradeoff : tradeoffs) {
    if (!drawn(tradeoff)) continue;
    const std::string name = one_size ? tradeoff.how() : tradeoff.how() + ", beside " + tradeoff.reference;
    auto curve = std::find_if(curves.begin(), curves.end(), [&](const Curve& other) { return other.name == name; });
    if (curve == curves.end()) curve = curves.insert(curves.end(), {name, {}});
    curve->points.push_back(&tradeoff);
  }
  for (Curve& curve : curves)
    std::sort(curve.points.begin(), curve.points.end(),
              [](const Tradeoff* a, const Tradeoff* b) { return a->lambda < b->lambda; });
  return curves;
}

}  // namespace

std::string Tradeoff::how() const {
  const bool skips = !reference.empty() || (!cells.empty() && cells.front().engine.executes != Executes::all);
  if (!dynamic()) return skips ? "dynamic" : "dense";
  const std::string units = skip == "both" ? "widths and tokens" : skip;
  if (decide == "static") return fmt::format("static {} ({})", units, order);
  return decide == "chance" ? units + ", by chance" : units;
}

std::vector<Tradeoff> tradeoffs(const std::optional<LossGap>& gap, const std::vector<LearningCurve>& curves,
                                const std::vector<SpeedStudy>& speed, std::uint64_t bootstrap_seed) {
  std::vector<Tradeoff> all;
  if (gap) add_losses(all, *gap);
  for (const SpeedStudy& study : speed)
    if (study.trained()) find_or_add(all, study.model);
  for (const LearningCurve& curve : curves)
    if (Tradeoff* found = find_in(all, curve.model)) add_training(*found, curve);
  if (gap) add_paired(all, *gap, bootstrap_seed);
  add_speed(all, speed);
  return all;
}

const Tradeoff* tradeoff_of(const std::vector<Tradeoff>& tradeoffs, const std::string& model) {
  return find_in(tradeoffs, model);
}

const Tradeoff* shown_tradeoff(const std::vector<Tradeoff>& tradeoffs) {
  const Tradeoff* nearest = nullptr;
  for (const Tradeoff& tradeoff : tradeoffs)
    if (drawn(tradeoff) && (nearest == nullptr || std::abs(tradeoff.lambda - 0.5) < std::abs(nearest->lambda - 0.5)))
      nearest = &tradeoff;
  if (nearest == nullptr) return nullptr;
  const auto alike = about_as_large(tradeoffs, *nearest);
  const auto found = std::find_if(alike.begin(), alike.end(),
                                  [](const Tradeoff* o) { return o->decide == "routers" && o->skip == "both"; });
  return found == alike.end() ? alike.front() : *found;
}

std::vector<const Tradeoff*> about_as_large(const std::vector<Tradeoff>& tradeoffs, const Tradeoff& tradeoff) {
  std::vector<const Tradeoff*> found;
  for (const Tradeoff& other : tradeoffs)
    if (drawn(other) && std::abs(other.lambda - tradeoff.lambda) < 0.05) found.push_back(&other);
  return found;
}

std::string to_csv(const std::vector<Tradeoff>& tradeoffs) {
  std::string csv =
      "lambda_realised,loss_percent,loss_percent_low,loss_percent_high,over_both_percent,over_both_percent_low,"
      "over_both_percent_high,model,curve\n";
  for (const Curve& curve : curves_of(tradeoffs)) {
    for (const Tradeoff* tradeoff : curve.points)
      csv += csv_line(tradeoff->lambda, *tradeoff->loss_percent, tradeoff->over_both_percent.value_or(no_interval),
                      tradeoff->model, curve.name);
    csv += csv_line(1, Interval{0, 0, 0}, no_interval, curve.points.front()->reference, curve.name);
  }
  return csv;
}

std::optional<Figure> tradeoffs_figure(const std::vector<Tradeoff>& tradeoffs) {
  std::vector<Series> series;
  for (const Curve& curve : curves_of(tradeoffs)) series.push_back({curve.name, curve.points.size() + 1});
  if (series.empty()) return std::nullopt;
  return stacked(
      {.name = "loss-over-share",
       .description = "How much more models lose than the dense one, against the share of its MACs that they keep.",
       .csv = to_csv(tradeoffs)},
      series, {}, {"share of the MACs (λ)", "[*:1.01]"},
      {{335, R"(set ylabel 'loss above the dense model (%)' offset 0.5
set yrange [*:*]
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3:(0):($4-$3) with vectors nohead linetype m \
    linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:2 with linespoints linetype m title model[m])"}});
}

}  // namespace dydit::analysis
