// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
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
  const auto dynamic = [](const ModelLoss& model) { return model.dynamic; };
  const bool any = std::any_of(result.models.begin(), result.models.end(), dynamic);
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
  std::vector<Series> series;
  std::vector<std::string> entries;
  std::set<std::string> references;
  for (const ModelLoss& model : result.models) {
    series.push_back({model.model, result.timesteps.size()});
    entries.push_back(model.model);
    if (!model.mse_gap.empty()) references.insert(all.reference_of(model).model);
  }
  const char* const paper_title = "paper, scaled to this peak";
  if (paper_beside) entries.push_back(paper_title);
  const KeyStrip key(entries, 640);
  const int strip = key.height(), upper = alone ? 0 : 310, height = strip + upper + 310;
  const auto down = [&](int pixels) { return 1 - static_cast<double>(pixels) / height; };
  const std::string paper =
      paper_beside
          ? fmt::format(
                ", \\\n  $paper using 1:2 with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 "
                "title '{}'",
                paper_title)
          : "";
  const std::string differences =
      panel(down(strip), down(strip + upper - 25)) + R"(set format x ''
unset xlabel
set ylabel )" +
      gnuplot_string(references.size() == 1 ? "loss minus that of " + *references.begin()
                                            : "loss minus that of the dense model") +
      R"( offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:6:7 with filledcurves linetype m notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with linespoints linetype M title model[M])" +
      paper + "\nunset key\n";
  const std::string losses = panel(down(strip + upper), down(height - 60)) + time_axis(process) +
                             "set ylabel '" + process.words("loss (ε MSE)") + R"(' offset 0.5
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
          .height = height,
          .csv = to_csv(result),
          .settings = plot_style() + series_arrays(series) + (paper_beside ? paper_block(result) : ""),
          .plot = time_panels(process) + key.set(height) + (alone ? "" : differences) + losses +
                  "unset multiplot"};
}

Figure concentration_figure(const std::vector<ModelConcentration>& result, const Process& process) {
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
  std::vector<std::string> entries{"equally hard tokens, chance alone"};
  for (const ModelConcentration& model : result) entries.push_back(model.model);
  const KeyStrip key(entries, 640);
  // Two panels of equal height below the key.
  const double strip = key.height(), height = strip + 500;
  const std::string gini = panel(1 - strip / height, 295 / height) + R"(set format x ''
unset xlabel
set ylabel 'Gini coefficient' offset 0.5
set yrange [0:*]
value = 3; chance = 9; unit = 1
)";
  const std::string share = panel(270 / height, 65 / height) + time_axis(process) +
                            R"(set ylabel 'loss in hardest 20 % (%)' offset 0.5
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
          .plot = time_panels(process) + key.set(height) + gini + draw_panel + share + draw_panel +
                  "unset multiplot"};
}

/// Logarithmic where the losses span more than a factor of three: a shorter axis would have no tics.
static std::string loss_axis(const std::vector<LearningCurve>& curves) {
  Range range{std::numeric_limits<double>::infinity(), 0};
  for (const LearningCurve& curve : curves)
    for (const LearningPoint& point : curve.points)
      for (const double loss : {point.train_mse, point.held_out_mse})
        if (point.step > 0) range.include(loss);
  return range.low > 0 && range.high > 3 * range.low
             ? "set logscale y\nset ytics (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)\n"
             : "";
}

Figure learning_figure(const std::vector<LearningCurve>& all, const Process& process) {
  std::vector<LearningCurve> curves;
  std::copy_if(all.begin(), all.end(), std::back_inserter(curves),
               [](const LearningCurve& curve) { return !curve.dynamic(); });
  std::vector<Series> series;
  std::vector<std::string> entries;
  for (const LearningCurve& curve : curves) {
    series.push_back({curve.model, curve.points.size()});
    entries.push_back(curve.model);
  }
  const KeyStrip key(entries, 640);
  const double strip = key.height(), height = strip + 390;
  return {.name = "learning-curves",
          .description = "Held-out and training loss of each model against the training step.",
          .width = 640,
          .height = static_cast<int>(height),
          .csv = to_csv(curves),
          .settings = plot_style() + series_arrays(series) + "after_start(step) = step > 0 ? step : NaN\n",
          .plot = panel(1 - strip / height, 60 / height) + loss_axis(curves) + key.set(height) +
                  "set xlabel 'training step' offset 0,0.3\nset ylabel '" + process.words("loss (ε MSE)") +
                  R"(' offset 0.5
set logscale x
set xrange [*:*] noextend
set yrange [*:*] noextend
set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000)
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):2 with lines \
    linecolor rgb faint[(m-1)%6+1] linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):3 with linespoints linetype m \
    title model[m])"};
}

}  // namespace dydit::analysis
