// SPDX-License-Identifier: Apache-2.0
// A figure as data: what it shows (CSV) and how (a gnuplot script), drawn by gnuplot as a process.
#pragma once

#include <filesystem>
#include <string>

namespace dydit::analysis {

struct Figure {
  std::string name;           ///< of its files, without extension
  std::string description;    ///< one sentence: what is seen, for a reader who cannot see it
  int width = 0, height = 0;  ///< pixels of the SVG, 96 to the inch
  std::string csv = {};       ///< the numbers drawn, with one line of names
  std::string settings = {};  ///< gnuplot, before the terminal is chosen: arrays, palettes, data blocks
  std::string plot = {};      ///< gnuplot, run once for each format; reads `data`, the CSV's name
};

/// Writes NAME.csv, NAME.gp and, by running gnuplot on it, NAME.svg, NAME.pdf and NAME.png into `folder`,
/// which is made. `date` (ISO 8601, UTC) is the PDF's creation date: the same figure gives the same bytes.
/// Throws RunError when gnuplot is missing or fails, naming it.
void draw(const Figure& figure, const std::filesystem::path& folder, const std::string& date,
          const std::string& gnuplot = "gnuplot");

}  // namespace dydit::analysis
