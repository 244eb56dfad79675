// SPDX-License-Identifier: Apache-2.0
#include "analysis/figure.h"

#include <fmt/format.h>

#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "gnuplot.h"

namespace fs = std::filesystem;

namespace dydit::analysis {

// Text is never "enhanced": names of models may hold underscores and braces. The scales make 14 the same size
// in all three: 14 pixels of 96 to the inch.
static constexpr const char* script =
    R"(# Draws {name}.svg, {name}.pdf and {name}.png from {name}.csv: gnuplot {name}.gp
set encoding utf8
set datafile separator comma
data = '{name}.csv'
{settings}
do for [format in 'svg pdf png'] {{
if (format eq 'svg') {{ set terminal svg size {width},{height} dynamic noenhanced font 'Helvetica,14' }}
if (format eq 'pdf') {{ set terminal pdfcairo size {inches_wide},{inches_high} noenhanced font 'Helvetica,14' fontscale 0.5625 }}
if (format eq 'png') {{ set terminal pngcairo size {twice_wide},{twice_high} noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }}
set output '{name}.'.format
{plot}
unset output
}}
)";

/// Sets the creation date in a PDF made with time zone UTC, where cairo writes "(D:20260131120000Z)".
static void date_pdf(const fs::path& path, const std::string& date) {
  std::string digits;
  for (const char c : date)
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  digits.resize(14, '0');
  std::string pdf = read_file(path);
  const std::string before = "/CreationDate (D:";
  const auto found = pdf.find(before);
  if (found == std::string::npos || pdf.compare(found + before.size() + digits.size(), 2, "Z)") != 0)
    throw RunError("a PDF without the creation date that cairo writes", path.string());
  write_atomically(path, pdf.replace(found + before.size(), digits.size(), digits));
}

void draw(const Figure& figure, const fs::path& folder, const std::string& date, const std::string& gnuplot) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError("cannot make the folder", folder.string(), error.message());
  const auto file = [&](const char* extension) { return folder / (figure.name + extension); };
  write_atomically(file(".csv"), figure.csv);
  write_atomically(
      file(".gp"),
      fmt::format(script, fmt::arg("name", figure.name), fmt::arg("settings", figure.settings),
                  fmt::arg("plot", figure.plot), fmt::arg("width", figure.width),
                  fmt::arg("height", figure.height), fmt::arg("inches_wide", figure.width / 96.0),
                  fmt::arg("inches_high", figure.height / 96.0), fmt::arg("twice_wide", 2 * figure.width),
                  fmt::arg("twice_high", 2 * figure.height)));
  run_gnuplot(gnuplot, figure.name + ".gp", folder);
  date_pdf(file(".pdf"), date);
}

}  // namespace dydit::analysis
