// SPDX-License-Identifier: Apache-2.0
// Figures of curves over timesteps or training steps, one for each model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "analysis/figures.h"
#include "analysis/paper.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

static std::string paper_block(const LossGap& result) {
  double peak = 0;
  for (const ModelLoss& model : result.models)
    for (const Interval& gap : model.mse_gap) peak = std::max(peak, gap.mean);
  std::string block = "$paper << EOD\n";
  for (const PaperGap& point : paper_loss_gap)
    block += fmt::format("{},{:.6g}\n", point.timestep, point.gap / paper_peak * peak);
  return block + "EOD\n";
}

/// The models that a figure can show: dynamic ones where there are any, whose gaps the dense ones' would
/// dwarf; as many as there are colours, and the last.
static std::vector<ModelLoss> drawn(const LossGap& result) {
  const bool any = std::any_of(result.models.begin(), result.models.end(), [](const auto& o) { return o.dynamic; });
  std::vector<ModelLoss> models;
  for (const ModelLoss& model : result.models)
    if (&model == &result.models.back() || (models.size() < colours && (model.dynamic || !any)))
      models.push_back(model);
  return models;
}

Figure loss_gap_figure(const LossGap& all, const Process& process) {
  const LossGap result{all.timesteps, drawn(all), all.images};
  const bool alone = result.models.size() == 1,
             paper_beside = !result.models.front().dynamic && !alone && &process == &diffusion;
  std::set<std::string> references;
  for (const ModelLoss& model : result.held_against()) references.insert(all.reference_of(model).model);
  std::vector<std::string> entries;
  std::string differences = "set ylabel " +
                            gnuplot_string(references.size() == 1 ? "loss minus that of " + *references.begin()
                                                                  : "loss minus that of the dense model") +
                            R"( offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:6:7 with filledcurves linetype m notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with linespoints linetype M title model[M])";
  if (paper_beside) {
    entries = {"paper, scaled to this peak"};
    differences += ", \\\n  $paper using 1:2 with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 title '" +
                   entries.front() + "'";
  }
  const std::string losses = "set ylabel '" + process.words("loss (ε MSE)") + R"(' offset 0.5
set logscale y
set format y '%.0e'
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m title model[m]
unset logscale y
set format y '%g')";
  std::vector<CurvePanel> panels{{285, differences}, {245, losses}};
  if (alone) panels.erase(panels.begin());
  return stacked(
      {.name = "loss-gap",
       .description = alone ? "Loss of the model against the timestep."
                            : "Above, the loss difference between the models against the timestep with its 95 % "
                              "interval; below, the loss of each model.",
       .csv = to_csv(result),
       .settings = paper_beside ? paper_block(result) : ""},
      series_of(result.models, &ModelLoss::mse), entries, time_axis(process), panels);
}

Figure concentration_figure(const std::vector<ModelConcentration>& result, const Process& process) {
  const std::string chance = "equally hard tokens, chance alone", curves = R"(
plot \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value+1)):(unit*column(value+2)) \
    with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value)) with linespoints linetype m \
    title model[m], \
  data skip 1 every ::first[M]::last[M] using 1:(unit*column(chance)) with lines linecolor rgb '#909090' \
    linewidth 1.5 dashtype 2 title ')" + chance + "'";
  return stacked({.name = "loss-concentration",
                  .description = "Gini coefficient of the loss over the tokens and share of the hardest 20 % of them "
                                 "against the timestep.",
                  .csv = to_csv(result)},
                 series_of(result, &ModelConcentration::timesteps), {chance}, time_axis(process),
                 {{205, R"(set ylabel 'Gini coefficient' offset 0.5
set yrange [0:*]
value = 3; chance = 9; unit = 1)" +
                            curves},
                  {205, R"(set ylabel 'loss in hardest 20 % (%)' offset 0.5
set yrange [20:*]
value = 6; chance = 10; unit = 100)" +
                            curves}});
}

Figure compute_curves_figure(const std::vector<ComputeMap>& maps, const Process& process) {
  return stacked({.name = "compute-curves",
                  .description = "Above, the share of the blocks that work on a token against the timestep; below, its "
                                 "rank correlation with the loss and with the detail of the image.",
                  .csv = to_csv(maps)},
                 series_of(maps, &ComputeMap::timesteps), {"below: with the detail", "below: with the loss"},
                 time_axis(process),
                 {{205, R"(set ylabel 'blocks that work on a token (%)' offset 0.5
set yrange [0:100]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$4):(100*$5) with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$3) with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#000000' linewidth 2 title 'below: with the detail', \
  NaN with lines linecolor rgb '#000000' linewidth 2 dashtype 2 title 'below: with the loss')"},
                  {205, R"(set ylabel 'rank correlation' offset 0.5
set yrange [*:*]
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:10:11 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:7:8 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:9 with linespoints linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:6 with linespoints linetype m dashtype 2 notitle)"}});
}

Figure lambda_figure(const std::vector<LearningCurve>& all, const Process& process) {
  std::vector<LearningCurve> curves;
  std::copy_if(all.begin(), all.end(), std::back_inserter(curves), [](const auto& one) { return one.learns_both(); });
  if (curves.size() > colours) curves.resize(colours);
  const std::string losses = "set ylabel '" + process.words("held-out loss (ε MSE)") + R"(' offset 0.5
set yrange [*:*]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:)" +
                             std::to_string(6 + unit_axes(curves).size()) +
                             R"( with lines linetype m linewidth 1.2 dashtype 3 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m notitle)";
  return stacked(
      {.name = "lambda-curves",
       .description = "Above, the share of MACs that dynamic models keep against the training step, with its "
                      "target; below, their losses and those of their complete models.",
       .csv = to_csv(curves)},
      series_of(curves, &LearningCurve::points), {"target", "below: complete model"}, {"training step"},
      {{215, R"(set ylabel 'share of the MACs (λ)' offset 0.5
set yrange [0:1.02]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:4 with lines linecolor rgb '#909090' linewidth 1.5 \
    dashtype 2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 title 'target', \
  NaN with lines linecolor rgb '#000000' linewidth 1.2 dashtype 3 title 'below: complete model')"},
       {215, losses}});
}

/// Logarithmic where the losses span more than a factor of three: a shorter axis would have no tics.
static std::string loss_axis(const std::vector<LearningCurve>& curves) {
  Range range{HUGE_VAL, 0};
  for (const LearningCurve& curve : curves)
    for (const LearningPoint& point : curve.points)
      for (const double loss : {point.train_mse, point.held_out_mse})
        if (point.step > 0) range.include(loss);
  return range.low > 0 && range.high > 3 * range.low
             ? "set logscale y\nset ytics (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)\n"
             : "";
}

Figure learning_figure(const std::vector<LearningCurve>& curves, const Process& process) {
  return stacked({.name = "learning-curves",
                  .description = "Held-out and training loss of each model against the training step.",
                  .csv = to_csv(curves),
                  .settings = "after_start(step) = step > 0 ? step : NaN\n"},
                 series_of(curves, &LearningCurve::points), {}, {"training step", "[*:*] noextend"},
                 {{325, loss_axis(curves) + "set ylabel '" + process.words("loss (ε MSE)") + R"(' offset 0.5
set logscale x
set yrange [*:*] noextend
set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000)
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):2 with lines \
    linecolor rgb faint[(m-1)%6+1] linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):3 with linespoints linetype m \
    title model[m])"}});
}

}  // namespace dydit::analysis
