// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// What the colours of a map mean: the share of the blocks, as it is, or the loss, relative to that of all
/// images or of the map.
enum class Colours { share, by_timestep, by_map };

/// From the 1st to the 99th percentile of the finite values, so that one pixel does not darken all others.
Range scale_of(std::vector<float> values) {
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  if (values.empty()) return {0, 1};
  const auto at = [&](double fraction) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return static_cast<double>(*place);
  };
  const double low = at(0.01), high = at(0.99);
  return {low, high > low ? high : low + 1};
}

/// The scales of one row of the grid, one for each timestep.
std::vector<Range> scales_of(const MapGrid& grid, Colours colours, const MapRow* row_of_grid) {
  if (colours == Colours::share) return std::vector<Range>(grid.timesteps.size(), Range{0, 1});
  const MapRow* only = colours == Colours::by_map ? row_of_grid : nullptr;
  std::vector<Range> scales;
  for (std::size_t k = 0; k < grid.timesteps.size(); ++k) {
    std::vector<float> values;
    for (const MapRow& row : grid.rows)
      if (only == nullptr || only == &row) values.insert(values.end(), row.maps[k].begin(), row.maps[k].end());
    scales.push_back(scale_of(std::move(values)));
  }
  return scales;
}

/// A line for each pixel, rows of pixels apart by an empty line. A token's value stands at its first pixel.
std::string to_csv(const MapGrid& grid) {
  std::string csv = "index,y,x,red,green,blue";
  const char* quantity = grid.mapped == Mapped::loss ? "mse" : "compute";
  for (const double timestep : grid.timesteps) csv += fmt::format(",{}_t{}", quantity, time_text(timestep));
  csv += "\n";
  for (const MapRow& row : grid.rows)
    for (std::int64_t y = 0; y < grid.height; ++y, csv += "\n")
      for (std::int64_t x = 0; x < grid.width; ++x) {
        const auto rgb = std::span(row.rgb).subspan(static_cast<std::size_t>(3 * (y * grid.width + x)), 3);
        csv += fmt::format("{},{},{},{}", row.index, y, x, fmt::join(rgb, ","));
        const bool first = y % grid.token == 0 && x % grid.token == 0;
        const auto token = static_cast<std::size_t>((y / grid.token * grid.width + x) / grid.token);
        for (const auto& map : row.maps) csv += first ? fmt::format(",{:.3g}", map[token]) : ",";
        csv += "\n";
      }
  return csv;
}

/// Where things are, in pixels of the loss maps (canvas) and of the figure.
struct Layout {
  explicit Layout(const MapGrid& grid)
      : gap(std::max<std::int64_t>(1, grid.width / 16)),
        across((grid.width + gap) * (std::ssize(grid.timesteps) + 1)),
        down((grid.height + gap) * std::ssize(grid.rows) - gap),
        body(static_cast<int>((width - 2 * side) * down / across)) {}

  static constexpr int width = 640, side = 8, above = 28, below = 98;
  std::int64_t gap, across, down;
  int body;
  int height() const { return above + body + below; }
  double from_bottom(double pixels) const { return pixels / height(); }
};

std::string labels(const MapGrid& grid, const Layout& layout, Colours colours, const Process& process) {
  std::string text = "unset label\n";
  const auto label = [&](const std::string& words, std::int64_t column, int above_bottom, const char* font) {
    const std::int64_t left = column * (grid.width + layout.gap) + (column > 0 ? layout.gap : 0);
    text += fmt::format("set label \"{}\" at {},screen {:.4f} center{}\n", words,
                        static_cast<double>(left) + static_cast<double>(grid.width) / 2,
                        layout.from_bottom(above_bottom), font);
  };
  const int top = Layout::below + layout.body + 12, bottom = Layout::below - 12;
  label("image", 0, top, "");
  const bool scaled = colours == Colours::by_timestep;
  if (scaled) label(process.words("ε MSE") + " from\\nto", 0, bottom, " font ',10'");
  std::int64_t column = 0;
  for (const Range& scale : scales_of(grid, colours, nullptr)) {
    const double timestep = grid.timesteps[static_cast<std::size_t>(column++)];
    label("t = " + time_text(timestep), column, top, "");
    if (scaled) label(fmt::format("{:.2g}\\n{:.2g}", scale.low, scale.high), column, bottom, " font ',10'");
  }
  return text;
}

std::string settings(const MapGrid& grid, const Layout& layout, Colours colours) {
  std::vector<std::string> low, high;
  for (const MapRow& row : grid.rows)
    for (const Range& scale : scales_of(grid, colours, &row)) {
      low.push_back(fmt::format("{:.6g}", scale.low));
      high.push_back(fmt::format("{:.6g}", scale.high));
    }
  return fmt::format(R"(R = {}; K = {}; W = {}; H = {}; G = {}; P = {}
array low[R*K] = [{}]
array high[R*K] = [{}]
relative(value, cell) = (value - low[cell]) / (high[cell] - low[cell])
left(column) = column*(W+G) + (column > 0 ? G : 0)
top(row) = row*(H+G)
{})",
                     grid.rows.size(), grid.timesteps.size(), grid.width, grid.height, layout.gap, grid.token,
                     fmt::join(low, ", "), fmt::join(high, ", "), blues);
}

// A thin frame around each map: white ones have no other edge.
constexpr const char* frames = R"(do for [r=0:R-1] {
do for [k=1:K] {
set object rectangle from left(k),top(r) to left(k)+W,top(r)+H front fillstyle empty border linecolor rgb '#c0c0c0' \
  linewidth 0.5
}
}
)";

Figure map_figure(const MapGrid& grid, Colours colours, const char* name, const std::string& description,
                  const char* ends, const Process& process = diffusion) {
  const Layout layout(grid);
  const std::string axes = fmt::format(
      R"(set lmargin at screen {:.4f}
set rmargin at screen {:.4f}
set bmargin at screen {:.4f}
set tmargin at screen {:.4f}
set xrange [0:{}]
set yrange [{}:0]
set colorbox horizontal user origin 0.3, {:.4f} size 0.4, {:.4f}
)",
      double(Layout::side) / Layout::width, 1 - double(Layout::side) / Layout::width, layout.from_bottom(Layout::below),
      layout.from_bottom(Layout::below + layout.body), layout.across, layout.down, layout.from_bottom(46),
      layout.from_bottom(10));
  const std::string drawing = fmt::format(R"(unset border
unset tics
unset key
set cbrange [0:1]
set cbtics ({}) scale 0
plot for [r=0:R-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (left(0)+$3+0.5):(top(r)+$2+0.5):4:5:6 with rgbimage, \
  for [r=0:R-1] for [k=1:K] data skip 1 every P:P::r*H::(r+1)*H-1 \
    using (left(k)+$3+P/2.0):(top(r)+$2+P/2.0):(relative(column(6+k), r*K+k)) with image)",
                                          ends);
  return {.name = name + record::safe_name(grid.model),
          .description = description,
          .width = Layout::width,
          .height = layout.height(),
          .csv = to_csv(grid),
          .settings = settings(grid, layout, colours),
          .plot = axes + labels(grid, layout, colours, process) + (colours == Colours::share ? frames : "") + drawing};
}

}  // namespace

Figure loss_map_figure(const MapGrid& grid, bool normalise_each, const Process& process) {
  return map_figure(
      grid, normalise_each ? Colours::by_map : Colours::by_timestep, "loss-map-",
      process.words("Images, and for each its squared epsilon error at several timesteps: blue low, white high."),
      "'low loss' 0, 'high loss' 1", process);
}

Figure compute_map_figure(const MapGrid& grid) {
  return map_figure(
      grid, Colours::share, "compute-map-",
      "Images, and for each the share of the blocks that work on each position at several timesteps: blue "
      "none, white all.",
      "'no block' 0, 'all blocks' 1");
}

}  // namespace dydit::analysis
