// SPDX-License-Identifier: Apache-2.0
// gnuplot commands that several figures share.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dydit::analysis {

/// Axes below and left alone, a faint grid, and line types 1-6 in the colours of Okabe and Ito, which
/// colour-blind readers tell apart; `faint` is the array of the same colours, see-through.
std::string plot_style();

struct Series {
  std::string model;
  std::size_t rows;  ///< of the CSV, one model after the other
};

/// M, and the arrays model, first and last (rows): what a plot needs to go over the models of the CSV.
std::string series_arrays(const std::vector<Series>& series);

/// A panel between `top` and `bottom` (fractions of the height) of a figure with several.
std::string panel(double top, double bottom);

}  // namespace dydit::analysis
