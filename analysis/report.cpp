// SPDX-License-Identifier: Apache-2.0
#include "analysis/report.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "chunks.h"
#include "html.h"
#include "sections.h"
#include "svg.h"

namespace fs = std::filesystem;

namespace dydit::analysis {

using record::Json;
using record::Run;

namespace {

/// Draws figures into a folder of the page and gives them as elements of it.
class Gallery {
 public:
  Gallery(fs::path folder, std::string date, std::string gnuplot)
      : folder_(std::move(folder)), date_(std::move(date)), gnuplot_(std::move(gnuplot)) {}

  std::string operator()(const Figure& figure, const std::string& caption) const {
    stop_if_interrupted("before the report was done", "give the same command again");
    draw(figure, folder_, date_, gnuplot_);
    const std::string prefix = fmt::format("f{}", hash_of(figure.name).substr(0, 6));
    const std::string svg = inline_svg(read_file(folder_ / (figure.name + ".svg")), prefix, figure.description);
    std::string links;
    for (const char* kind : {"svg", "pdf", "png", "csv", "gp"})
      links += fmt::format(" <a href=\"figures/{}.{}\">{}</a>", figure.name, kind, kind);
    return fmt::format(
        "<figure>\n<div class=\"plot\">{}</div><figcaption>{} <span class=\"files\">{}</span></figcaption>\n"
        "</figure>\n",
        svg, caption, links);
  }

 private:
  fs::path folder_;
  std::string date_, gnuplot_;
};

/// When the last run ended (or began, when it is unfinished): the only date in the figures.
std::string date_of(std::span<const Run> runs) {
  std::string date;
  for (const Run& run : runs)
    for (const char* key : {"start", "end"})
      if (const Json value = run.manifest.value(key, Json()); value.is_string())
        date = std::max(date, value.get<std::string>());
  return date;
}

const char* title_of(std::span<const Run> runs) {
  const auto has = [&](const char* study) { return !models_of(runs, study).empty(); };
  const bool others = has("loss-gap") || has("loss-map") || has("train") || has("speed") || has("sampling");
  if (has("profile") && !others && !has("activation")) return "Where the time of a diffusion transformer's pass goes";
  if (has("activation")) return "Where the loss of a diffusion transformer lies, and what a dynamic one learns to skip";
  if (!(has("speed") || has("sampling")) || has("loss-gap") || has("loss-map") || has("train"))
    return "Where the loss of a diffusion transformer lies: over timesteps and over the image";
  return "What a dynamic diffusion transformer saves: actual against theoretical speedup";
}

}  // namespace

fs::path write_report(std::span<const Run> runs, const fs::path& out, const ReportOptions& options) {
  if (runs.empty()) throw UsageError("no run to report");
  const auto sections = sections_of(runs, options, Gallery(out / "figures", date_of(runs), options.gnuplot));
  create_folders(out);
  write_atomically(out / "index.html", page(title_of(runs), subtitle(runs), sections));
  return out / "index.html";
}

bool tensors_left_out(const record::Run& run) {
  bool named = false, needed = false;
  for (const record::Record& record : run.records) {
    if (record.status != record::Status::ok) continue;
    for (const std::string& name : record.tensors) {
      named = true;
      needed = needed || record.study != "sampling";  // whose strips a page can do without
      if (fs::exists(run.path / "tensors" / (name + ".safetensors"))) return false;
    }
  }
  return needed || (named && fs::is_regular_file(run.path / "index.html"));
}

fs::path recorded_page(const record::Run& run, const fs::path& out) {
  const fs::path page = run.path / "index.html";
  if (!fs::is_regular_file(page))
    throw InputError("neither tensors nor a page", run.path.string(), "measure it again with its profile");
  create_folders(out / "figures");
  if (fs::equivalent(run.path, out)) return page;
  write_atomically(out / "index.html", read_file(page));
  std::error_code no_figures;
  for (const auto& entry : fs::directory_iterator(run.path / "figures", no_figures))
    if (entry.path().extension() == ".csv" || entry.path().extension() == ".gp")
      write_atomically(out / "figures" / entry.path().filename(), read_file(entry.path()));
  return out / "index.html";
}

}  // namespace dydit::analysis
