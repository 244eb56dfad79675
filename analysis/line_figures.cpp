// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

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
  const auto dynamic = [](const ModelLoss& model) { return model.dynamic; };
  const bool any = std::any_of(result.models.begin(), result.models.end(), dynamic);
  std::vector<ModelLoss> models;
  for (const ModelLoss& model : result.models)
    if (&model == &result.models.back() || (models.size() < colours && (model.dynamic || !any)))
      models.push_back(model);
  return models;
}

Figure loss_gap_figure(const LossGap& all) {
  const LossGap result{all.timesteps, drawn(all), all.images};
  const bool sizes = !result.models.front().dynamic;
  std::vector<Series> series;
  std::vector<std::string> references;
  for (const ModelLoss& model : result.models) {
    series.push_back({model.model, result.timesteps.size()});
    references.push_back(gnuplot_string(all.reference_of(model).model));
  }
  const bool alone = series.size() == 1;
  const std::string paper =
      sizes ? "$paper using 1:2 with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 "
              "title 'DiT-S minus DiT-XL on ImageNet (paper), scaled', "
            : "";
  const std::string differences = panel(0.98, 0.48) + R"(set format x ''
unset xlabel
set ylabel 'loss difference (ε MSE)' offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:6:7 with filledcurves linetype m notitle, \
)" + paper + R"(for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m \
    title model[m].' minus '.reference[m].', 95 % interval'
)";
  const std::string losses = panel(alone ? 0.97 : 0.44, alone ? 0.15 : 0.1) + R"(set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'loss (ε MSE)' offset 0.5
set logscale y
set format y '%.0e'
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m title model[m]
unset logscale y
set format y '%g'
)";
  return {.name = "loss-gap",
          .description =
              alone ? "Loss of the model against the timestep."
                    : "Above, the loss difference between the models against the timestep with its 95 % "
                      "interval; below, the loss of each model.",
          .width = 640,
          .height = alone ? 400 : 640,
          .csv = to_csv(result),
          .settings = plot_style() + series_arrays(series) +
                      fmt::format("array reference[M] = [{}]\n", fmt::join(references, ", ")) +
                      (sizes && !alone ? paper_block(result) : ""),
          .plot = "set multiplot\nset xrange [0:1000]\nset key top right samplen 2.5 spacing 1.2\n" +
                  (alone ? "" : differences) + losses + "unset multiplot"};
}

Figure concentration_figure(const std::vector<ModelConcentration>& result) {
  std::vector<Series> series;
  for (const ModelConcentration& model : result) series.push_back({model.model, model.timesteps.size()});
  const std::string draw_panel = R"(plot \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value+1)):(unit*column(value+2)) \
    with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value)) with linespoints linetype m \
    title model[m], \
  data skip 1 every ::first[M]::last[M] using 1:(unit*column(chance)) with lines linecolor rgb '#909090' \
    linewidth 1.5 dashtype 2 title 'equally hard tokens, chance alone'
)";
  // Two panels of equal height below a strip for the key.
  const double strip = 20 + 21 * static_cast<double>(series.size() + 1), height = strip + 500;
  const std::string gini = panel(1 - strip / height, 295 / height) + R"(set format x ''
unset xlabel
set ylabel 'Gini coefficient' offset 0.5
set yrange [0:*]
set key at screen 0.975,0.99 top right samplen 2.5 spacing 1.1
value = 3; chance = 9; unit = 1
)";
  const std::string share = panel(270 / height, 65 / height) + R"(set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'loss in hardest 20 % (%)' offset 0.5
set yrange [20:*]
unset key
value = 6; chance = 10; unit = 100
)";
  return {.name = "loss-concentration",
          .description =
              "Gini coefficient of the loss over the tokens and share of the hardest 20 % of them against "
              "the timestep.",
          .width = 640,
          .height = static_cast<int>(height),
          .csv = to_csv(result),
          .settings = plot_style() + series_arrays(series),
          .plot = "set multiplot\nset xrange [0:1000]\n" + gini + draw_panel + share + draw_panel +
                  "unset multiplot"};
}

Figure learning_figure(const std::vector<LearningCurve>& all) {
  std::vector<LearningCurve> curves;
  std::copy_if(all.begin(), all.end(), std::back_inserter(curves),
               [](const LearningCurve& curve) { return !curve.dynamic(); });
  std::vector<Series> series;
  for (const LearningCurve& curve : curves) series.push_back({curve.model, curve.points.size()});
  return {.name = "learning-curves",
          .description = "Held-out and training loss of each model against the training step.",
          .width = 640,
          .height = 400,
          .csv = to_csv(curves),
          .settings = plot_style() + series_arrays(series) + "after_start(step) = step > 0 ? step : NaN\n",
          .plot = panel(0.97, 0.15) + R"(set xlabel 'training step' offset 0,0.3
set ylabel 'loss (ε MSE)' offset 0.5
set logscale xy
set xrange [*:*] noextend
set yrange [*:*] noextend
set ytics (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
set key top right samplen 2.5 spacing 1.2
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):2 with lines \
    linecolor rgb faint[(m-1)%6+1] linewidth 1.2 title model[m].', training batches', \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):3 with linespoints linetype m \
    title model[m].', held out')"};
}

}  // namespace dydit::analysis
