// SPDX-License-Identifier: Apache-2.0
// Figures of dynamic models: their training, and where in the image they compute.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures.h"
#include "plot_style.h"

namespace dydit::analysis {

Figure compute_curves_figure(const std::vector<ComputeMap>& maps, const Process& process) {
  std::vector<Series> series;
  std::vector<std::string> entries{"below: with the detail", "below: with the loss"};
  for (const ComputeMap& map : maps) {
    series.push_back({map.model, map.timesteps.size()});
    entries.push_back(map.model);
  }
  const KeyStrip key(entries, 640);
  // Two panels of equal height below the key.
  const double strip = key.height(), height = strip + 500;
  const std::string share = panel(1 - strip / height, 295 / height) + R"(set format x ''
unset xlabel
set ylabel 'blocks that work on a token (%)' offset 0.5
set yrange [0:100]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$4):(100*$5) with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$3) with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#000000' linewidth 2 title 'below: with the detail', \
  NaN with lines linecolor rgb '#000000' linewidth 2 dashtype 2 title 'below: with the loss'
)";
  const std::string correlations =
      panel(270 / height, 65 / height) + time_axis(process) + R"(set ylabel 'rank correlation' offset 0.5
set yrange [*:*]
unset key
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:10:11 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:7:8 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:9 with linespoints linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:6 with linespoints linetype m dashtype 2 notitle
)";
  return {.name = "compute-curves",
          .description =
              "Above, the share of the blocks that work on a token against the timestep; below, its rank "
              "correlation with the loss and with the detail of the image.",
          .width = 640,
          .height = static_cast<int>(height),
          .csv = to_csv(maps),
          .settings = plot_style() + series_arrays(series),
          .plot = time_panels(process) + key.set(height) + share + correlations + "unset multiplot"};
}

Figure lambda_figure(const std::vector<LearningCurve>& all, const Process& process) {
  std::vector<LearningCurve> curves;
  std::copy_if(all.begin(), all.end(), std::back_inserter(curves),
               [](const LearningCurve& curve) { return curve.learns_both(); });
  if (curves.size() > colours) curves.resize(colours);
  std::vector<Series> series;
  std::vector<std::string> entries{"target", "below: complete model"};
  for (const LearningCurve& curve : curves) {
    series.push_back({curve.model, curve.points.size()});
    entries.push_back(curve.model);
  }
  const KeyStrip key(entries, 640);
  const double strip = key.height(), height = strip + 520;
  const std::string lambda = panel(1 - strip / height, 305 / height) + R"(set format x ''
unset xlabel
set ylabel 'share of the MACs (λ)' offset 0.5
set yrange [0:1.02]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:4 with lines linecolor rgb '#909090' linewidth 1.5 \
    dashtype 2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 title 'target', \
  NaN with lines linecolor rgb '#000000' linewidth 1.2 dashtype 3 title 'below: complete model'
)";
  const std::string losses = panel(280 / height, 65 / height) + R"(set format x '%g'
set xlabel 'training step' offset 0,0.3
set ylabel ')" + process.words("held-out loss (ε MSE)") +
                             R"(' offset 0.5
set yrange [*:*]
unset key
plot for [m=1:M] data skip 1 every ::first[m]::last[m] )" +
                             fmt::format("using 1:{} with lines", 6 + unit_axes(curves).size()) +
                             R"( linetype m linewidth 1.2 dashtype 3 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m notitle
)";
  return {.name = "lambda-curves",
          .description =
              "Above, the share of MACs that dynamic models keep against the training step, with its target; "
              "below, their losses and those of their complete models.",
          .width = 640,
          .height = static_cast<int>(height),
          .csv = to_csv(curves),
          .settings = plot_style() + series_arrays(series),
          .plot = "set multiplot\n" + key.set(height) + lambda + losses + "unset multiplot"};
}

}  // namespace dydit::analysis
