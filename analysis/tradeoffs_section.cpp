// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/figures.h"
#include "analysis/paper.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// What the paper has for a model trained in the same way toward one half, a dash for others.
std::string published_fid(const Tradeoff& tradeoff) {
  for (const PaperAblation& paper : paper_ablation)
    if (tradeoff.target == 0.5 && tradeoff.decide == paper.decide && tradeoff.skip == paper.skip &&
        (paper.order.empty() || tradeoff.order == paper.order))
      return fmt::format("{:.1f}{}", paper.fid, paper.other_data ? " ‡" : "");
  return "–";
}

bool timed(const Tradeoff& tradeoff) { return !tradeoff.cells.empty(); }

/// Where there are several engines, tables say whose time stands in a row.
std::vector<std::string> times_of(const SpeedCell& cell, bool name_engine) {
  const bool skips = cell.engine.executes != Executes::all;
  std::vector<std::string> fields;
  if (name_engine) fields.push_back(html_escape(fmt::format("{}, batch {}", cell.engine.name, cell.batch)));
  for (const std::string& field : {number(cell.gmacs), per_image(cell)}) fields.push_back(field);
  for (const std::string& field :
       {plus_minus(cell.speedup), number(cell.theoretical_speedup), plus_minus(cell.realisation)})
    fields.push_back(skips ? field : "–");
  return fields;
}

std::string tradeoffs_table(const std::vector<Tradeoff>& tradeoffs, const Process& process) {
  std::vector<std::string> head{"model", "skips", "λ", process.words("held-out<br>ε MSE"), "loss above<br>dense (%)"};
  std::vector<std::string> times;
  const bool several = engines_of(tradeoffs, Executes::kept).size() > 1;
  if (several) times.push_back("engine");
  if (std::any_of(tradeoffs.begin(), tradeoffs.end(), timed))
    times.insert(times.end(), {"GMACs", "ms per<br>image", "speedup", "theory", "η"});
  head.insert(head.end(), times.begin(), times.end());
  head.push_back("paper:<br>FID");
  std::string rows;
  for (const Tradeoff& o : tradeoffs) {
    std::vector<std::vector<std::string>> by_engine;
    for (const SpeedCell& cell : o.cells) by_engine.push_back(times_of(cell, several));
    if (by_engine.empty()) by_engine.emplace_back(times.size(), "–");
    for (const auto& measured : by_engine) {
      std::vector<std::string> fields{html_escape(o.model), html_escape(o.how()), decimal(o.lambda, 3),
                                      decimal(o.held_out_mse, 5), o.loss_percent ? plus_minus(*o.loss_percent) : "–"};
      fields.insert(fields.end(), measured.begin(), measured.end());
      fields.push_back(&process == &diffusion ? published_fid(o) : "–");
      rows += row(fields);
    }
  }
  return table(head, rows);
}

/// Models of the training history that no study of the runs touched.
std::size_t models_not_run(const Findings& findings) {
  std::set<std::string> run;
  for (const record::Run& one : findings.runs)
    for (const record::Record& record : one.records)
      if (record.study != "train" && record.axes.contains("model") && record.axes["model"].is_string())
        run.insert(record.axes["model"].get<std::string>());
  return static_cast<std::size_t>(
      std::count_if(findings.curves.begin(), findings.curves.end(),
                    [&](const LearningCurve& curve) { return !run.contains(curve.model); }));
}

std::string terms(const std::vector<Tradeoff>& tradeoffs) {
  const auto measured = std::find_if(tradeoffs.begin(), tradeoffs.end(), timed);
  const auto engines = engines_of(tradeoffs, Executes::kept);
  const std::string time =
      measured == tradeoffs.end()
          ? ""
          : fmt::format("<b>Time</b>: of the {}, of dense models their own; {}. ",
                        engines.size() == 1 ? html_escape(engines.front()) + " engine" : "engine named in the row",
                        html_escape(measured->timed));
  return note(fmt::format(
      "<b>Skips</b>: what the routers of the model learned to skip; <i>by chance</i>: units drawn anew for each image; "
      "<i>static</i>: all but the first units of each layer, which were ordered by importance. <b>λ</b>: {} <b>Loss "
      "above "
      "dense</b>: the mean over images and timesteps, against the dense model of the same size on the same images with "
      "the same noise. {}<b>Paper</b>: DyDiT-S trained in the same way toward 0.5, mean FID over five data sets other "
      "than ImageNet; ‡ over four of fine classes, where the dynamic model has {:.1f} and the dense one {:.1f}.",
      record::metric("lambda_realised").description, time, paper_fine_dynamic, paper_fine_dense));
}

std::string answer(const std::vector<Tradeoff>& tradeoffs, const Tradeoff* shown) {
  if (shown == nullptr)
    return "The loss of these models was not measured beside that of a dense model; what they save in time was.";
  std::vector<Named> losses;
  for (const Tradeoff* tradeoff : about_as_large(tradeoffs, *shown))
    losses.push_back({tradeoff->model, *tradeoff->loss_percent});
  return fmt::format("With {:.2f} of the MACs kept, the loss is above that of the dense model by {}.", shown->lambda,
                     from_to(losses, "&nbsp;%"));
}

}  // namespace

std::optional<Section> tradeoffs_section(const Findings& findings, const Show& show) {
  const auto& tradeoffs = findings.tradeoffs;
  if (tradeoffs.empty()) return std::nullopt;
  Section section{.id = "cost", .title = "What does it cost to skip work, and what does it save?"};
  const Tradeoff* shown = shown_tradeoff(tradeoffs);
  section.answer = answer(tradeoffs, shown);
  if (shown != nullptr)
    section.tile = Tile{"Does skipping work cost loss?", plus_minus(*shown->loss_percent) + "&nbsp;%",
                        fmt::format("more than the dense model: {}, which keeps {:.2f} of the MACs",
                                    html_escape(shown->model), shown->lambda),
                        above(*shown->loss_percent)};
  const auto figure = tradeoffs_figure(tradeoffs);
  if (figure)
    section.shown = show(*figure,
                         "The less of its work a model does, the more it loses against the dense model of its size; "
                         "lines are 95&nbsp;% intervals.");
  std::string numbers = tradeoffs_table(tradeoffs, findings.process);
  if (const std::size_t others = models_not_run(findings); others > 0)
    numbers += note(fmt::format("{} more model{} of the training history {} not run here.", others,
                                others == 1 ? "" : "s", others == 1 ? "was" : "were"));
  (figure ? section.details : section.shown) += numbers;
  section.details += terms(tradeoffs);
  return section;
}

}  // namespace dydit::analysis
