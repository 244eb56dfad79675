// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "text.h"

namespace dydit::analysis {

namespace {

struct Scale {
  double low, high;
};

/// What the colours of a map mean: the share of the blocks, as it is, or the loss, relative to that of all
/// images or of the map.
enum class Colours { share, by_timestep, by_map };

/// From the 1st to the 99th percentile of the finite values, so that one pixel does not darken all others.
Scale scale_of(std::vector<float> values) {
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  if (values.empty()) return {0, 1};
  const auto at = [&](double fraction) {
    const auto place =
        values.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return static_cast<double>(*place);
  };
  const double low = at(0.01), high = at(0.99);
  return {low, high > low ? high : low + 1};
}

/// The scales of one row of the grid, one for each timestep.
std::vector<Scale> scales_of(const MapGrid& grid, Colours colours, const MapRow* row_of_grid) {
  if (colours == Colours::share) return std::vector<Scale>(grid.timesteps.size(), Scale{0, 1});
  const MapRow* only = colours == Colours::by_map ? row_of_grid : nullptr;
  std::vector<Scale> scales;
  for (std::size_t k = 0; k < grid.timesteps.size(); ++k) {
    std::vector<float> values;
    for (const MapRow& row : grid.rows)
      if (only == nullptr || only == &row)
        values.insert(values.end(), row.maps[k].begin(), row.maps[k].end());
    scales.push_back(scale_of(std::move(values)));
  }
  return scales;
}

std::string to_csv(const MapGrid& grid) {
  std::string csv = "index,y,x,red,green,blue";
  const char* quantity = grid.mapped == Mapped::loss ? "mse" : "compute";
  for (const double timestep : grid.timesteps) csv += fmt::format(",{}_t{}", quantity, time_text(timestep));
  csv += '\n';
  for (const MapRow& row : grid.rows)
    for (std::size_t pixel = 0; pixel < row.maps.front().size(); ++pixel) {
      const auto width = static_cast<std::size_t>(grid.width);
      csv += fmt::format("{},{},{},{},{},{}", row.index, pixel / width, pixel % width, row.rgb[3 * pixel],
                         row.rgb[3 * pixel + 1], row.rgb[3 * pixel + 2]);
      for (const auto& map : row.maps) csv += fmt::format(",{:.3g}", map[pixel]);
      csv += '\n';
    }
  return csv;
}

/// Where things are, in pixels of the loss maps (canvas) and of the figure.
struct Layout {
  explicit Layout(const MapGrid& grid)
      : gap(std::max<std::int64_t>(1, grid.width / 16)),
        columns(static_cast<std::int64_t>(grid.timesteps.size()) + 1),
        across((grid.width + gap) * columns),
        down((grid.height + gap) * static_cast<std::int64_t>(grid.rows.size()) - gap),
        body(static_cast<int>((width - 2 * side) * down / across)) {}

  static constexpr int width = 640, side = 8, above = 28, below = 98;
  std::int64_t gap, columns, across, down;
  int body;
  int height() const { return above + body + below; }
  double from_bottom(double pixels) const { return pixels / height(); }
};

std::string labels(const MapGrid& grid, const Layout& layout, Colours colours, const Process& process) {
  const auto middle = [&](std::size_t column) {
    const std::int64_t left =
        static_cast<std::int64_t>(column) * (grid.width + layout.gap) + (column > 0 ? layout.gap : 0);
    return static_cast<double>(left) + static_cast<double>(grid.width) / 2;
  };
  std::string text = "unset label\n";
  const auto label = [&](const std::string& words, std::size_t column, int above_bottom, const char* font) {
    text += fmt::format("set label \"{}\" at {},screen {:.4f} center{}\n", words, middle(column),
                        layout.from_bottom(above_bottom), font);
  };
  const int top = Layout::below + layout.body + 12, bottom = Layout::below - 12;
  label("image", 0, top, "");
  const bool scaled = colours == Colours::by_timestep;
  if (scaled) label(process.words("ε MSE") + " from\\nto", 0, bottom, " font ',10'");
  const auto scales = scales_of(grid, colours, nullptr);
  for (std::size_t k = 0; k < scales.size(); ++k) {
    label(fmt::format("t = {}", time_text(grid.timesteps[k])), k + 1, top, "");
    if (scaled)
      label(fmt::format("{:.2g}\\n{:.2g}", scales[k].low, scales[k].high), k + 1, bottom, " font ',10'");
  }
  return text;
}

std::string settings(const MapGrid& grid, const Layout& layout, Colours colours) {
  std::string low, high;
  for (const MapRow& row : grid.rows)
    for (const Scale& scale : scales_of(grid, colours, &row)) {
      const char* comma = low.empty() ? "" : ", ";
      low += fmt::format("{}{:.6g}", comma, scale.low);
      high += fmt::format("{}{:.6g}", comma, scale.high);
    }
  return fmt::format(R"(R = {}; K = {}; W = {}; H = {}; G = {}; N = W*H
array low[R*K] = [{}]
array high[R*K] = [{}]
relative(value, cell) = (value - low[cell]) / (high[cell] - low[cell])
left(column) = column*(W+G) + (column > 0 ? G : 0)
top(row) = row*(H+G)
set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')
)",
                     grid.rows.size(), grid.timesteps.size(), grid.width, grid.height, layout.gap, low, high);
}

/// A thin frame around each map: white ones have no other edge.
std::string frames(const MapGrid& grid, const Layout& layout) {
  std::string text;
  for (std::size_t row = 0; row < grid.rows.size(); ++row)
    for (std::size_t k = 1; k <= grid.timesteps.size(); ++k) {
      const auto left = static_cast<std::int64_t>(k) * (grid.width + layout.gap) + layout.gap,
                 top = static_cast<std::int64_t>(row) * (grid.height + layout.gap);
      text += fmt::format(
          "set object rectangle from {},{} to {},{} front fillstyle empty border linecolor rgb '#c0c0c0' "
          "linewidth 0.5\n",
          left, top, left + grid.width, top + grid.height);
    }
  return text;
}

Figure map_figure(const MapGrid& grid, Colours colours, const char* name, const std::string& description,
                  const char* ends, const Process& process = diffusion) {
  const Layout layout(grid);
  const std::string margins = fmt::format(
      "set lmargin at screen {:.4f}\nset rmargin at screen {:.4f}\nset bmargin at screen {:.4f}\nset tmargin "
      "at screen {:.4f}\n"
      "set xrange [0:{}]\nset yrange [{}:0]\nset colorbox horizontal user origin 0.3, {:.4f} size 0.4, "
      "{:.4f}\n",
      double(Layout::side) / Layout::width, 1 - double(Layout::side) / Layout::width,
      layout.from_bottom(Layout::below), layout.from_bottom(Layout::below + layout.body), layout.across,
      layout.down, layout.from_bottom(46), layout.from_bottom(10));
  const std::string drawing = fmt::format(R"(unset border
unset tics
unset key
set cbrange [0:1]
set cbtics ({}) scale 0
)",
                                          ends) +
                              R"(plot for [r=0:R-1] data skip 1 every ::r*N::(r+1)*N-1 \
    using (left(0)+$3+0.5):(top(r)+$2+0.5):4:5:6 with rgbimage, \
  for [r=0:R-1] for [k=1:K] data skip 1 every ::r*N::(r+1)*N-1 \
    using (left(k)+$3+0.5):(top(r)+$2+0.5):(relative(column(6+k), r*K+k)) with image)";
  return {.name = name + record::safe_name(grid.model),
          .description = description,
          .width = Layout::width,
          .height = layout.height(),
          .csv = to_csv(grid),
          .settings = settings(grid, layout, colours),
          .plot = margins + labels(grid, layout, colours, process) +
                  (colours == Colours::share ? frames(grid, layout) : "") + drawing};
}

}  // namespace

Figure loss_map_figure(const MapGrid& grid, bool normalise_each, const Process& process) {
  return map_figure(
      grid, normalise_each ? Colours::by_map : Colours::by_timestep, "loss-map-",
      process.words(
          "Images, and for each its squared epsilon error at several timesteps: blue low, white high."),
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
