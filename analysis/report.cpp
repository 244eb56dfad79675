// SPDX-License-Identifier: Apache-2.0
#include "analysis/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures.h"
#include "analysis/paper.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "findings.h"
#include "page_style.h"
#include "plot_style.h"
#include "provenance.h"
#include "record/metric.h"
#include "svg.h"
#include "text.h"

namespace fs = std::filesystem;

namespace dydit::analysis {

using record::Json;
using record::Run;

namespace {

/// Draws figures and gives them as elements of the page.
class Gallery {
 public:
  Gallery(fs::path folder, std::string date, std::string gnuplot)
      : folder_(std::move(folder)), date_(std::move(date)), gnuplot_(std::move(gnuplot)) {}

  std::string show(const Figure& figure, const std::string& caption) const {
    stop_if_interrupted("before the report was done", "give the same command again");
    draw(figure, folder_, date_, gnuplot_);
    const std::string svg =
        inline_svg(read_file(folder_ / (figure.name + ".svg")), figure.name, figure.description);
    std::string links;
    for (const char* kind : {"svg", "pdf", "png", "csv", "gp"})
      links += fmt::format("{}<a href=\"figures/{}.{}\">{}</a>", links.empty() ? "" : ", ", figure.name, kind,
                           kind);
    return fmt::format("<figure>\n{}<figcaption>{} Files: {}.</figcaption>\n</figure>\n", svg, caption,
                       links);
  }

 private:
  fs::path folder_;
  std::string date_, gnuplot_;
};

std::string section(const std::string& title, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", title, content);
}

std::string gap_section(const LossGap& gap, const Gallery& gallery) {
  const bool dynamic =
      std::any_of(gap.models.begin(), gap.models.end(), [](const auto& model) { return model.dynamic; });
  const std::string caption = fmt::format(
      "{} Every model sees the same {} images with the same noise, so the difference is paired; the interval "
      "comes from "
      "2,000 bootstrap samples of the images. {}",
      record::metric("mse").description, grouped(gap.images),
      dynamic ? fmt::format("Drawn are the dynamic models, {} at most, against the dense ones of their size; "
                            "the table has all.",
                            colours)
      : gap.models.size() > 1
          ? "The dashed curve is the paper's, scaled to the same peak: only its shape compares."
          : "");
  const std::string title = dynamic ? "At which timesteps does skipping work cost?"
                                    : fmt::format("How much does {} gain, and at which timesteps?",
                                                  html_escape(gap.models.back().model));
  return section(title, gallery.show(loss_gap_figure(gap), caption) + gap_table(gap));
}

std::string outcomes_section(const std::vector<Outcome>& outcomes, const Gallery& gallery) {
  std::string html;
  if (const auto figure = outcomes_figure(outcomes))
    html += gallery.show(
        *figure,
        "Means over the images and timesteps of the study, in percent of the dense model's of the same size, "
        "with paired 95&nbsp;% intervals; λ is that of the held-out images of the training.");
  const auto measured =
      std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.cell.has_value(); });
  const std::string timed =
      measured == outcomes.end() ? "" : fmt::format("<b>Time</b>: {}. ", html_escape(measured->timed));
  return section("What does it cost to skip work, and what does it save?",
                 html + outcomes_table(outcomes) +
                     fmt::format("<p class=\"note\"><b>Skips</b> what its routers learned to skip; by "
                                 "chance: what is drawn anew for each "
                                 "image; static: all but the first units of each layer, which were ordered "
                                 "by importance. <b>λ</b>: {} <b>Loss above dense</b>: "
                                 "of the mean over the timesteps. {}<b>Paper</b>: DyDiT-S trained in the "
                                 "same way toward 0.5, mean FID over "
                                 "five data sets other than ImageNet; ‡ over four of fine classes, where the "
                                 "dynamic model has {:.1f} and "
                                 "the dense one {:.1f}.</p>\n",
                                 record::metric("lambda_realised").description, timed, paper_fine_dynamic,
                                 paper_fine_dense));
}

std::string map_section(const std::vector<MapGrid>& grids, bool normalise_each, const Gallery& gallery) {
  std::string html;
  for (const MapGrid& grid : grids) {
    const std::string scale = normalise_each
                                  ? "Each map has its own scale, from its 1st to its 99th percentile."
                                  : "One scale for each timestep, written below its column: from the 1st to "
                                    "the 99th percentile over the images shown.";
    html += "<h3>" + html_escape(grid.model) + "</h3>\n" +
            gallery.show(loss_map_figure(grid, normalise_each),
                         "Squared epsilon error of each pixel, mean over channels and noise draws. " + scale);
  }
  return section("Where in the image is the loss?", html);
}

std::string concentration_section(const std::vector<ModelConcentration>& models, const Gallery& gallery) {
  const std::string caption = fmt::format(
      "{} {} Means over {} images with 95 % intervals; tokens are the model's patches. An even spread has a "
      "Gini "
      "coefficient of 0 and a share of 20 %; the dashed line is what the few noise draws alone would make of "
      "equally hard "
      "tokens (independent Gaussian errors of one variance).",
      record::metric("gini").description, record::metric("hardest_share").description,
      grouped(models.front().images));
  return section("How unevenly is the loss spread over the tokens?",
                 gallery.show(concentration_figure(models), caption));
}

std::string activation_section(const std::vector<Activation>& activations, const Gallery& gallery) {
  std::string html;
  for (const Activation& activation : activations)
    html += "<h3>" + html_escape(activation.model) + "</h3>\n" +
            gallery.show(
                activation_figure(activation),
                fmt::format(
                    "Heads and channel groups depend on the timestep alone; tokens and MACs are means over "
                    "{} images, with 95&nbsp;% intervals. What is always on is included.",
                    grouped(activation.images)));
  return section("What is on, at which timesteps?", html);
}

std::string compute_section(const Findings& findings, const Gallery& gallery) {
  std::string html;
  for (const MapGrid& grid : findings.compute_grids)
    html += "<h3>" + html_escape(grid.model) + "</h3>\n" +
            gallery.show(compute_map_figure(grid),
                         "Share of the blocks whose MLP works on each token, mean over noise draws.");
  html += gallery.show(
      compute_curves_figure(findings.compute),
      fmt::format(
          "Means over {} images with 95&nbsp;% intervals. Spearman's rank correlation over the tokens of an "
          "image, of "
          "the share of blocks that work on a token with the token's loss in the same passes, and with the "
          "standard "
          "deviation of the image within its patch; an image whose tokens are all treated alike counts as 0.",
          grouped(findings.compute.front().images)));
  return section("Where in the image does a dynamic model compute?", html);
}

std::string dynamic_training_section(const std::vector<LearningCurve>& curves, const Gallery& gallery) {
  std::string html;
  if (std::any_of(curves.begin(), curves.end(), [](const auto& curve) { return curve.learns_both(); }))
    html +=
        gallery.show(lambda_figure(curves),
                     std::string(record::metric("lambda_realised").description) +
                         " On held-out images, by the averaged weights. Of many models the first are drawn.");
  html += training_table(curves) +
          "<p class=\"note\">All on held-out images after the last step. <b>Complete model</b>: everything "
          "on.</p>\n";
  return section("What did training toward a share of the MACs reach?", html);
}

std::string described(std::string_view metric) {
  return fmt::format("<b>{}</b>: {} ", record::metric(metric).label, record::metric(metric).description);
}

/// What the figures and tables of speed name, once for all models.
std::string speed_terms() {
  std::string terms;
  for (const char* metric : {"lambda_realised", "theoretical_speedup", "speedup", "realisation"})
    terms += described(metric);
  const auto bar = [](const BarInfo& info) { return fmt::format("<b>{}</b>: {} ", info.label, info.description); };
  std::string causes = bar(theoretical_bar);
  for (const BarInfo& cause : waterfall_causes) causes += bar(cause);
  return "<p class=\"note\">" + terms +
         "<b>Published η</b>: of the paper's model of the same size, on a V100 and with the masks that it "
         "learnt, interpolated linearly over the theoretical speedup; a dash beyond what was published. "
         "<b>Masks</b>: widths are heads and channel groups. <b>MB</b>: the tensors of a pass at once, and "
         "the weights that it reads. <b>†</b>: disturbed, the interval of its time is wider than a tenth of "
         "it.</p>\n<p class=\"note\">" +
         causes + "</p>\n";
}

constexpr const char* speedup_caption =
    "Medians over interleaved blocks with 95&nbsp;% intervals; the first point of a curve has everything on.";
constexpr const char* waterfall_caption =
    "The bars are derived from the times of whole passes and of parts run by themselves; the lines are 95&nbsp;% "
    "intervals over blocks. Red takes time, green gives some back. The panels have one scale, and none begins at 0. "
    "Where the interval of the gap contains 0, what it consists of cannot be told. The causes are explained below.";

std::string speed_section(const std::vector<SpeedStudy>& studies, const Gallery& gallery) {
  std::string html;
  constexpr std::ptrdiff_t most_waterfalls = 4;  // of trained models
  const auto trained =
      std::count_if(studies.begin(), studies.end(), [](const auto& study) { return study.trained(); });
  if (trained > 0)
    html += "<h3>Trained models, as their routers decide</h3>\n" + trained_table(studies) +
            "<p class=\"note\">Means over timesteps spread evenly over the diffusion. Masks by chance keep "
            "the same shares of "
            "heads, channel groups and tokens, the same in all blocks and timesteps. A model whose decisions "
            "never change "
            "and skip no token is static and is run without routers.</p>\n";
  for (const SpeedStudy& study : studies) {
    if (study.trained() && trained > most_waterfalls) continue;
    const auto same = [&](const SpeedStudy& other) { return other.model == study.model; };
    const bool alone = std::count_if(studies.begin(), studies.end(), same) == 1;
    const std::string name = record::safe_name(alone ? study.model : study.title());
    html += "<h3>" + html_escape(study.title()) + "</h3>\n";
    if (const auto figure = speedup_figure(study, "speedup-" + name))
      html += gallery.show(*figure, speedup_caption);
    if (const auto figure = waterfall_figure(study, "waterfall-" + name))
      html += gallery.show(*figure, waterfall_caption) + waterfall_table(study);
    if (study.trained()) continue;
    html += speed_table(study);
    if (const std::string masked = masked_table(study); !masked.empty())
      html += "<p>Multiplying by masks, as the published code does, computes everything:</p>\n" + masked;
  }
  return section("How much of the skipped work becomes time?", html + speed_terms());
}

std::string findings_sections(const Findings& findings, const Gallery& gallery) {
  std::string html;
  if (!findings.outcomes.empty()) html += outcomes_section(findings.outcomes, gallery);
  if (findings.gap) html += gap_section(*findings.gap, gallery);
  if (!findings.grids.empty()) html += map_section(findings.grids, findings.normalise_each, gallery);
  if (!findings.concentrations.empty()) html += concentration_section(findings.concentrations, gallery);
  if (!findings.activations.empty()) html += activation_section(findings.activations, gallery);
  if (!findings.compute.empty()) html += compute_section(findings, gallery);
  if (findings.trains_dynamic()) html += dynamic_training_section(findings.curves, gallery);
  if (findings.trains_dense())
    html += section("How far were the models trained?",
                    gallery.show(learning_figure(findings.curves),
                                 std::string(record::metric("held_out_mse").description) +
                                     " Both axes are logarithmic."));
  if (!findings.speed.empty()) html += speed_section(findings.speed, gallery);
  return html;
}

/// When the last run ended (or began, when it is unfinished): the only date in the figures.
std::string date_of(std::span<const Run> runs) {
  std::string date;
  for (const Run& run : runs)
    for (const char* key : {"start", "end"})
      if (const Json value = run.manifest.value(key, Json()); value.is_string())
        date = std::max(date, value.get<std::string>());
  return date;
}

}  // namespace

fs::path write_report(std::span<const Run> runs, const fs::path& out, const ReportOptions& options) {
  if (runs.empty()) throw UsageError("no run to report");
  const Findings findings = findings_of(runs, options);
  const Gallery gallery(out / "figures", date_of(runs), options.gnuplot);
  const std::string body = findings_sections(findings, gallery) + notes_section(runs) +
                           trained_section(runs) + reproduce_section(runs) + machine_section(runs) +
                           failures_section(runs);
  create_folders(out);
  const char* title =
      !findings.activations.empty()
          ? "Where the loss of a diffusion transformer lies, and what a dynamic one learns to skip"
      : findings.speed.empty() || findings.losses()
          ? "Where the loss of a diffusion transformer lies: over timesteps and over the image"
          : "What a dynamic diffusion transformer saves: actual against theoretical speedup";
  write_atomically(
      out / "index.html",
      fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{0}</h1>\n"
                  "{2}</header>\n{3}</main>\n</body>\n</html>\n",
                  title, page_style, answer(findings), body));
  return out / "index.html";
}

}  // namespace dydit::analysis
