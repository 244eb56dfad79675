// SPDX-License-Identifier: Apache-2.0
#include "plot_style.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "text.h"

namespace dydit::analysis {

std::string plot_style() {
  std::string style = R"(set border 3 linewidth 0.8
set tics nomirror scale 0.6
set grid linetype 1 linecolor rgb '#b0b0b0' linewidth 0.3
set style fill transparent solid 0.22 noborder
)";
  constexpr std::array<const char*, colours + 1> palette = {"d55e00", "0072b2", "009e73", "cc79a7",
                                                            "e69f00", "56b4e9", "000000"};
  std::string faint;
  for (std::size_t i = 0; i < palette.size(); ++i) {
    style +=
        fmt::format("set linetype {} linecolor rgb '#{}' linewidth 2 pointtype 7 pointsize 0.4\n", i + 1, palette[i]);
    faint += fmt::format("{}'#80{}'", i == 0 ? "" : ", ", palette[i]);
  }
  return style + fmt::format("set linetype cycle {0}\narray faint[{0}] = [{1}]\n", palette.size(), faint);
}

/// M, and the arrays model, first and last (rows): what a plot needs to go over the series of the CSV.
static std::string series_arrays(const std::vector<Series>& series) {
  std::vector<std::string> names;
  std::vector<std::size_t> first, last;
  std::size_t row = 0;
  for (const Series& one : series) {
    names.push_back(gnuplot_string(one.model));
    first.push_back(row);
    last.push_back((row += one.rows) - 1);
  }
  return fmt::format("M = {}\narray model[M] = [{}]\narray first[M] = [{}]\narray last[M] = [{}]\n", series.size(),
                     fmt::join(names, ", "), fmt::join(first, ", "), fmt::join(last, ", "));
}

std::string panel(double top, double bottom, double left, double right) {
  return fmt::format(
      "set lmargin at screen {}\nset rmargin at screen {}\n"
      "set tmargin at screen {}\nset bmargin at screen {}\n",
      left, right, top, bottom);
}

std::string title_above(const std::string& title, int figure_height) {
  return fmt::format("set label {} at screen 0.5,{:.6f} center\n", gnuplot_string(title), 1 - 14.0 / figure_height);
}

KeyStrip::KeyStrip(const std::vector<std::string>& entries, int width) : width_(width), rows_(1) {
  constexpr std::size_t letter = 9, sample = 60;  // pixels, as gnuplot reckons
  std::size_t widest = 1;
  for (const std::string& entry : entries)  // letters, not bytes
    widest = std::max(widest, static_cast<std::size_t>(std::count_if(entry.begin(), entry.end(),
                                                                     [](char c) { return (c & 0xC0) != 0x80; })));
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(width) / (letter * widest + sample));
  rows_ = static_cast<int>((entries.size() + columns - 1) / columns);
}

int KeyStrip::height() const { return 20 + 21 * rows_; }

std::string KeyStrip::set(double figure_height, double top) const {
  return fmt::format(
      "set key at screen {:.6f},{:.6f} left top Left reverse vertical maxrows {} samplen 2.5 spacing 1\n",
      10.0 / width_, 1 - (top + 4) / figure_height, rows_);
}

Figure stacked(Figure figure, const std::vector<Series>& series, std::vector<std::string> entries,
               const SharedAxis& axis, const std::vector<CurvePanel>& panels) {
  constexpr int gap = 25, below = 65, title_line = 24;  // pixels
  for (const Series& one : series) entries.push_back(one.model);
  figure.width = 640;
  const KeyStrip key(entries, figure.width);
  figure.height = key.height() - gap + below;
  for (const CurvePanel& one : panels) figure.height += gap + one.height + (one.title.empty() ? 0 : title_line);
  std::string plot = "set multiplot\n" + key.set(figure.height);
  if (!axis.range.empty()) plot += fmt::format("set xrange {}\n", axis.range);
  int top = key.height();
  for (const CurvePanel& one : panels) {
    if (!one.title.empty()) {
      plot += "set title " + gnuplot_string(one.title) + " offset 0,-0.6\n";
      top += title_line;
    }
    const int bottom = top + one.height;
    plot += panel(1 - static_cast<double>(top) / figure.height, 1 - static_cast<double>(bottom) / figure.height) +
            (&one == &panels.back() ? fmt::format("set format x '%g'\nset xlabel '{}' offset 0,0.3\n", axis.title)
                                    : "set format x ''\nunset xlabel\n") +
            one.plot + "\nunset key\n";
    top = bottom + gap;
  }
  figure.settings = plot_style() + series_arrays(series) + figure.settings;
  figure.plot = plot + "unset multiplot";
  return figure;
}

double PanelRow::width() const {
  const auto n = static_cast<double>(count);
  return (figure_width - left - 16 - gap * (n - 1)) / n;
}

int PanelRow::figure_height() const { return static_cast<int>(top + height) + 62; }

std::string PanelRow::place(std::size_t i) const {
  const double from = left + static_cast<double>(i) * (width() + gap), whole = figure_height();
  return panel(1 - top / whole, 1 - (top + height) / whole, from / figure_width, (from + width()) / figure_width);
}

std::string PanelRow::title(const std::string& text) const {
  return fmt::format("set label {} at screen 0.5,{} center\n", gnuplot_string(text), 1 - 14.0 / figure_height());
}

void Range::include(double value) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

void Range::include(const Interval& interval) {
  for (const double value : {interval.mean, interval.low, interval.high}) include(value);
}

std::string Range::text() const { return fmt::format("[{:.8g}:{:.8g}]", low, high); }

double tic_step(double size) {
  const double most = size / 2.5, power = std::pow(10, std::floor(std::log10(most)));
  return power * (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1);
}

std::string log_tics(const Range& range, double apart) {
  if (range.high > 1e6 * range.low) return "autofreq";
  const std::vector<double> rounds[] = {{1},
                                        {1, 2, 5},
                                        {1, 1.5, 2, 3, 4, 5, 7},
                                        {1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9}};
  std::vector<std::string> tics;
  const auto place = [&](double tic) { return std::log(tic / range.low) / std::log(range.high / range.low); };
  for (const auto& round : rounds) {
    tics.clear();
    double last = -1;
    for (int power = static_cast<int>(std::floor(std::log10(range.low))); power <= std::log10(range.high); ++power)
      for (const double digit : round)
        if (const double tic = digit * std::pow(10, power); tic >= range.low && tic <= range.high) {
          if (place(tic) < std::max(last + apart, apart / 3) || place(tic) > 1 - apart / 3) continue;
          last = place(tic);
          tics.push_back(fmt::format("{:g}", tic));
        }
    if (tics.size() > 3) break;
  }
  return tics.empty() ? "autofreq" : fmt::format("({})", fmt::join(tics, ", "));
}

}  // namespace dydit::analysis
