// SPDX-License-Identifier: Apache-2.0
#include "analysis/outcomes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// What a dynamic model loses; of others nothing.
void add_loss(Outcome& outcome, const LossGap& gap, const ModelLoss& model) {
  if (!model.dynamic) return;
  const ModelLoss& reference = gap.reference_of(model);
  const double percent = 100 / reference.mean_mse();
  outcome.reference = reference.model;
  outcome.loss_percent = {percent * model.mean_gap.mean, percent * model.mean_gap.low,
                          percent * model.mean_gap.high};
}

/// Of a dynamic model.
bool is_reference(const LossGap& gap, const ModelLoss& model) {
  return std::any_of(gap.models.begin(), gap.models.end(), [&](const ModelLoss& other) {
    return other.dynamic && &gap.reference_of(other) == &model;
  });
}

void add_training(Outcome& outcome, const LearningCurve& curve) {
  const LearningPoint& last = curve.points.back();
  outcome.decide = curve.decide;
  outcome.skip = curve.skip;
  outcome.order = curve.order;
  outcome.target = last.lambda_target;
  outcome.lambda = last.lambda_realised;
  outcome.held_out_mse = last.held_out_mse;
}

void add_paired(std::vector<Outcome>& all, const LossGap& gap, std::uint64_t bootstrap_seed) {
  const auto loss_of = [&](const Outcome& outcome) {
    return std::find_if(gap.models.begin(), gap.models.end(),
                        [&](const ModelLoss& model) { return model.model == outcome.model; });
  };
  for (Outcome& outcome : all) {
    const auto both = std::find_if(all.begin(), all.end(), [&](const Outcome& o) {
      return o.loss_percent && o.decide == "routers" && o.skip == "both" && o.target == outcome.target &&
             o.reference == outcome.reference;
    });
    if (!outcome.loss_percent || both == all.end() || &*both == &outcome) continue;
    const auto own = loss_of(outcome), other = loss_of(*both);
    Eigen::MatrixXd difference(static_cast<Eigen::Index>(own->image_gap.size()), 1);
    for (Eigen::Index i = 0; i < difference.rows(); ++i)
      difference(i, 0) =
          own->image_gap[static_cast<std::size_t>(i)] - other->image_gap[static_cast<std::size_t>(i)];
    const double percent = 100 / gap.reference_of(*own).mean_mse();
    outcome.over_both_percent = bootstrap_means(percent * difference, bootstrap_seed).front();
  }
}

/// Of the largest batch.
const SpeedCell* own_cell(const SpeedStudy& study) {
  const SpeedCell* found = nullptr;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine == Engine::compact && cell.which == Which::own &&
        (found == nullptr || cell.batch > found->batch))
      found = &cell;
  return found;
}

const SpeedCell* dense_cell(const SpeedStudy& study, std::int64_t batch) {
  const auto found = std::find_if(study.cells.begin(), study.cells.end(), [&](const SpeedCell& cell) {
    return cell.engine == Engine::dense && cell.batch == batch;
  });
  return found == study.cells.end() ? nullptr : &*found;
}

void add_speed(std::vector<Outcome>& all, const std::vector<SpeedStudy>& speed) {
  for (const SpeedStudy& study : speed) {
    const auto outcome =
        std::find_if(all.begin(), all.end(), [&](const Outcome& o) { return o.model == study.model; });
    const SpeedCell* own = own_cell(study);
    if (outcome == all.end() || own == nullptr || outcome->cell) continue;
    const std::string setting = fmt::format("{}, {}, batch {}", study.dtype, study.device, own->batch);
    outcome->cell = *own;
    outcome->timed = setting;
    if (!std::isfinite(outcome->lambda)) outcome->lambda = own->lambda_realised;
    const auto dense =
        std::find_if(all.begin(), all.end(), [&](const Outcome& o) { return o.model == outcome->reference; });
    const SpeedCell* cell = dense_cell(study, own->batch);
    if (dense == all.end() || cell == nullptr || dense->cell) continue;
    dense->cell = *cell;
    dense->timed = setting;
  }
}

bool drawn(const Outcome& outcome) {
  return outcome.loss_percent && std::isfinite(outcome.lambda);
}

struct Curve {
  std::string name;
  std::vector<const Outcome*> points;  ///< ascending shares
};

std::vector<Curve> curves_of(const std::vector<Outcome>& outcomes) {
  const auto first = std::find_if(outcomes.begin(), outcomes.end(), drawn);
  const bool one_size = std::all_of(first, outcomes.end(), [&](const Outcome& outcome) {
    return !drawn(outcome) || outcome.reference == first->reference;
  });
  std::vector<Curve> curves;
  for (const Outcome& outcome : outcomes) {
    if (!drawn(outcome)) continue;
    const std::string name = one_size ? outcome.how() : outcome.how() + ", beside " + outcome.reference;
    auto curve =
        std::find_if(curves.begin(), curves.end(), [&](const Curve& other) { return other.name == name; });
    if (curve == curves.end()) curve = curves.insert(curves.end(), {name, {}});
    curve->points.push_back(&outcome);
  }
  for (Curve& curve : curves)
    std::sort(curve.points.begin(), curve.points.end(),
              [](const Outcome* a, const Outcome* b) { return a->lambda < b->lambda; });
  return curves;
}

}  // namespace

std::string Outcome::how() const {
  const bool skips = !reference.empty() || (cell && cell->engine != Engine::dense);
  if (!dynamic()) return skips ? "dynamic" : "dense";
  const std::string units = skip == "both" ? "widths and tokens" : skip;
  if (decide == "static") return fmt::format("static {} ({})", units, order);
  return decide == "chance" ? units + ", by chance" : units;
}

std::vector<Outcome> outcomes(const std::optional<LossGap>& gap, const std::vector<LearningCurve>& curves,
                              const std::vector<SpeedStudy>& speed, std::uint64_t bootstrap_seed) {
  std::vector<Outcome> all;
  const auto outcome_of = [&](const std::string& model) -> Outcome& {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Outcome& o) { return o.model == model; });
    if (found != all.end()) return *found;
    all.emplace_back().model = model;
    return all.back();
  };
  if (gap)
    for (const ModelLoss& model : gap->models)
      if (model.dynamic || is_reference(*gap, model)) add_loss(outcome_of(model.model), *gap, model);
  for (const SpeedStudy& study : speed)
    if (study.trained()) outcome_of(study.model);
  for (const LearningCurve& curve : curves)
    if (const auto found =
            std::find_if(all.begin(), all.end(), [&](const Outcome& o) { return o.model == curve.model; });
        found != all.end())
      add_training(*found, curve);
  if (gap) add_paired(all, *gap, bootstrap_seed);
  add_speed(all, speed);
  return all;
}

const Outcome* shown_outcome(const std::vector<Outcome>& outcomes) {
  const Outcome* nearest = nullptr;
  for (const Outcome& outcome : outcomes)
    if (drawn(outcome) &&
        (nearest == nullptr || std::abs(outcome.lambda - 0.5) < std::abs(nearest->lambda - 0.5)))
      nearest = &outcome;
  if (nearest == nullptr) return nullptr;
  const auto alike = about_as_large(outcomes, *nearest);
  const auto found = std::find_if(alike.begin(), alike.end(), [](const Outcome* o) {
    return o->decide == "routers" && o->skip == "both";
  });
  return found == alike.end() ? alike.front() : *found;
}

std::vector<const Outcome*> about_as_large(const std::vector<Outcome>& outcomes, const Outcome& outcome) {
  std::vector<const Outcome*> found;
  for (const Outcome& other : outcomes)
    if (drawn(other) && std::abs(other.lambda - outcome.lambda) < 0.05) found.push_back(&other);
  return found;
}

std::string to_csv(const std::vector<Outcome>& outcomes) {
  std::string csv =
      "lambda_realised,loss_percent,loss_percent_low,loss_percent_high,over_both_percent,over_both_percent_"
      "low,"
      "over_both_percent_high,model,curve\n";
  constexpr double none = Outcome::missing;
  const Interval not_paired{none, none, none};
  for (const Curve& curve : curves_of(outcomes)) {
    const std::string name = csv_field(curve.name);
    for (const Outcome* outcome : curve.points)
      csv += fmt::format("{}{}{},{},{}\n", csv_number(outcome->lambda), csv_interval(*outcome->loss_percent),
                         csv_interval(outcome->over_both_percent.value_or(not_paired)),
                         csv_field(outcome->model), name);
    csv += fmt::format("1,0,0,0{},{},{}\n", csv_interval(not_paired),
                       csv_field(curve.points.front()->reference), name);
  }
  return csv;
}

std::optional<Figure> outcomes_figure(const std::vector<Outcome>& outcomes) {
  std::vector<Series> series;
  std::vector<std::string> entries;
  for (const Curve& curve : curves_of(outcomes)) {
    series.push_back({curve.name, curve.points.size() + 1});
    entries.push_back(curve.name);
  }
  if (series.empty()) return std::nullopt;
  const KeyStrip key(entries, 640);
  const double strip = key.height(), height = strip + 400;
  return Figure{
      .name = "loss-over-share",
      .description =
          "How much more models lose than the dense one, against the share of its MACs that they keep.",
      .width = 640,
      .height = static_cast<int>(height),
      .csv = to_csv(outcomes),
      .settings = plot_style() + series_arrays(series),
      .plot = panel(1 - strip / height, 60 / height) + key.set(height) +
              R"(set xlabel 'share of the MACs (λ)' offset 0,0.3
set ylabel 'loss above the dense model (%)' offset 0.5
set xrange [*:1.01]
set yrange [*:*]
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3:(0):($4-$3) with vectors nohead linetype m \
    linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:2 with linespoints linetype m title model[m]
)"};
}

}  // namespace dydit::analysis
