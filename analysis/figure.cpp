// SPDX-License-Identifier: Apache-2.0
#include "analysis/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

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

// What stands at the end of a picture that is whole: gnuplot does not mind a full disk.
static constexpr std::array<std::pair<const char*, const char*>, 3> pictures{
    {{".svg", "</svg>"}, {".pdf", "%%EOF"}, {".png", "IEND"}}};

/// A folder that goes with the object. Pictures are drawn in one of their own, since the gnuplot of a killed
/// process goes on drawing for a moment.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "dydit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw RunError("cannot make the folder", name, std::strerror(errno));
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Sets the creation date in a PDF made with time zone UTC, where cairo writes "(D:20260131120000Z)".
static void date_pdf(std::string& pdf, const std::string& date, const fs::path& path) {
  std::string digits;
  for (const char c : date)
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  digits.resize(14, '0');
  const std::string before = "/CreationDate (D:";
  const auto found = pdf.find(before);
  if (found == std::string::npos || pdf.compare(found + before.size() + digits.size(), 2, "Z)") != 0)
    throw RunError("a PDF without the creation date that cairo writes", path.string());
  pdf.replace(found + before.size(), digits.size(), digits);
}

void draw(const Figure& figure, const fs::path& folder, const std::string& date, const std::string& gnuplot) {
  create_folders(folder);
  const auto file = [&](const char* extension) { return folder / (figure.name + extension); };
  write_atomically(file(".csv"), figure.csv);
  write_atomically(
      file(".gp"),
      fmt::format(script, fmt::arg("name", figure.name), fmt::arg("settings", figure.settings),
                  fmt::arg("plot", figure.plot), fmt::arg("width", figure.width),
                  fmt::arg("height", figure.height), fmt::arg("inches_wide", figure.width / 96.0),
                  fmt::arg("inches_high", figure.height / 96.0), fmt::arg("twice_wide", 2 * figure.width),
                  fmt::arg("twice_high", 2 * figure.height)));
  const TemporaryFolder drawn;
  fs::copy_file(file(".csv"), drawn.path() / (figure.name + ".csv"));
  run_gnuplot(gnuplot, file(".gp"), drawn.path());
  for (const auto& [extension, end] : pictures) {
    std::string picture = read_file(drawn.path() / (figure.name + extension));
    if (picture.rfind(end) == std::string::npos || picture.size() - picture.rfind(end) > 16)
      throw RunError("gnuplot left a picture unfinished", file(extension).string(),
                     "is " + drawn.path().parent_path().string() + " full?");
    if (extension == std::string_view(".pdf")) date_pdf(picture, date, file(extension));
    write_atomically(file(extension), picture);
  }
}

}  // namespace dydit::analysis
