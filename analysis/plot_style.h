// SPDX-License-Identifier: Apache-2.0
// gnuplot commands that several figures share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/figure.h"
#include "analysis/manifest.h"
#include "analysis/statistics.h"

namespace dydit::analysis {

/// More curves in one panel cannot be told apart, but for one more in black.
inline constexpr std::size_t colours = 6;

/// Axes below and left alone, a faint grid, and line types 1-6 in the colours of Okabe and Ito (7 is black),
/// which colour-blind readers tell apart; `faint` is the array of the same colours, see-through.
std::string plot_style();

/// The palette of maps: blue low, white high.
inline constexpr const char* blues =
    "set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')\n";

/// A curve in the rows of a CSV, one curve after the other.
struct Series {
  std::string model;
  std::size_t rows;
};
/// Of each model as many rows as it has timesteps, points ...
template <typename T, typename Row>
std::vector<Series> series_of(const std::vector<T>& models, std::vector<Row> T::*rows) {
  std::vector<Series> series;
  for (const T& one : models) series.push_back({one.model, (one.*rows).size()});
  return series;
}

/// A panel between `top` and `bottom` (fractions of the height) of a figure with several, as wide as the
/// figure or from `left` to `right` (fractions of the width).
std::string panel(double top, double bottom, double left = 0.16, double right = 0.965);

/// The title of a figure of that many pixels, above everything else.
std::string title_above(const std::string& title, int figure_height);

/// The axis below that the panels of a figure share.
struct SharedAxis {
  std::string_view title;
  std::string_view range = "";  ///< as gnuplot has it; empty: of the data
};
inline SharedAxis time_axis(const Process& process) { return {process.axis, process.range}; }

struct CurvePanel {
  int height;        ///< pixels
  std::string plot;  ///< the axis on the left, and what is drawn
  std::string title = "";
};

/// The figure with its size, style and plot: panels below each other, 640 pixels wide, over one axis and under one key
/// of the entries. Plots read of each series m of M its name and its rows of the CSV: model[m], first[m] and last[m].
Figure stacked(Figure figure, const std::vector<Series>& series, std::vector<std::string> entries,
               const SharedAxis& axis, const std::vector<CurvePanel>& panels);

/// The key of a figure, in rows and columns of a strip of its own: it covers neither axes nor curves.
class KeyStrip {
 public:
  /// Its widest entry says how many columns there are room for; `width` is the figure's, in pixels.
  KeyStrip(const std::vector<std::string>& entries, int width);

  int height() const;  ///< pixels
  /// gnuplot's setting for a strip that begins `top` pixels below the upper edge of a figure of that height.
  std::string set(double figure_height, double top = 0) const;

 private:
  int width_, rows_;
};

/// Panels of one size side by side in a figure 760 pixels wide; pixels from the upper left corner. Their axes
/// below take 62.
struct PanelRow {
  static constexpr int figure_width = 760, gap = 14;
  static constexpr std::size_t most = 3;  ///< panels that are wide enough for their titles
  std::size_t count;
  double left, top, height;

  double width() const;
  int figure_height() const;
  std::string place(std::size_t i) const;            ///< gnuplot's margins for panel i
  std::string title(const std::string& text) const;  ///< above all of them

  /// Figures of these panels, as many in each as it has room for: `draw` gives that of some panels and of a name,
  /// "speedup" and "speedup-2" where `name` is "speedup".
  template <typename T, typename Draw>
  static std::vector<Figure> figures(const std::vector<T>& panels, const std::string& name, Draw draw) {
    std::vector<Figure> drawn;
    for (std::size_t i = 0; i < panels.size(); i += most)
      drawn.push_back(draw(std::span(panels).subspan(i).first(std::min(most, panels.size() - i)),
                           i == 0 ? name : name + "-" + std::to_string(i / most + 1)));
    return drawn;
  }
};

/// The range of an axis.
struct Range {
  double low, high;

  void include(double value);  ///< unless it is not finite
  void include(const Interval& interval);
  double size() const { return high - low; }
  std::string text() const;  ///< as gnuplot has it
};

/// Steps of 1, 2 or 5 times a power of ten for an axis of that size in a narrow panel: three to six tics.
double tic_step(double size);
/// Tics of a logarithmic axis at round numbers, four where it is so long that there are, and not too long. In panels
/// beside each other `apart` is the share of the axis between two tics at least, and a third of it is free at both ends.
std::string log_tics(const Range& range, double apart = 0);

}  // namespace dydit::analysis
