// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "analysis/figures.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

using Cells = std::vector<const SpeedCell*>;

/// Of those that were timed beside the dense model.
template <typename Condition>
Cells cells_where(const SpeedStudy& study, Condition condition) {
  Cells cells;
  for (const SpeedCell& cell : study.cells)
    if (std::isfinite(cell.speedup.mean) && condition(cell)) cells.push_back(&cell);
  return cells;
}

/// Those of an engine that skips what is off, with masks that were imposed, whose share kept is the nearest to `keep`.
Cells imposed_near(const SpeedStudy& study, const std::string& engine, double keep) {
  Cells cells = cells_where(study, [&](const SpeedCell& cell) {
    return cell.engine == Engine{Executes::kept, engine} && skipped(cell.which).imposed &&
           std::isfinite(cell.realisation.mean);
  });
  const auto distance = [&](const SpeedCell* cell) { return cell->distance(keep); };
  const auto nearest = std::ranges::min_element(cells, {}, distance);
  if (nearest != cells.end())
    std::erase_if(cells, [share = (*nearest)->keep](const SpeedCell* cell) { return cell->keep != share; });
  return cells;
}

std::string name_of_cell(const SpeedCell& cell) {
  return fmt::format("{}batch {}", skipped(cell.which).imposed ? cell.which + ", " : "", cell.batch);
}

template <typename Value>
std::string from_to(const Cells& cells, Value value) {
  std::vector<Named> named;
  for (const SpeedCell* cell : cells) named.push_back({name_of_cell(*cell), std::invoke(value, *cell)});
  return analysis::from_to(named);
}

/// How long an engine takes beside the dense model: with everything on, or whatever its masks are.
std::string over_dense_sentence(const SpeedStudy& study, const Engine& engine, const std::string& what) {
  const Cells cells = cells_where(study, [&](const SpeedCell& cell) {
    return cell.engine == engine && (engine.executes == Executes::masked || cell.everything_on());
  });
  if (cells.empty()) return "";
  return fmt::format("{} takes {} times as long as the dense model. ", what,
                     from_to(cells, &SpeedCell::time_over_dense));
}

std::string sentences(const SpeedStudy& study) {
  std::string text;
  const auto kept = study.engines(Executes::kept), masked = study.engines(Executes::masked);
  for (const std::string& engine : kept) {
    Kept told;
    for (const double keep : {0.7, 0.5}) {
      const Cells cells = imposed_near(study, engine, keep);
      if (cells.empty() || cells.front()->keep == told) continue;
      told = cells.front()->keep;
      text += fmt::format("With {} kept, the {} engine reaches {} of the theoretical speedup. ", told.text(),
                          html_escape(engine), from_to(cells, &SpeedCell::realisation));
    }
    const std::string name = kept.size() == 1 ? "it" : "the " + html_escape(engine) + " engine";
    text += over_dense_sentence(study, {Executes::kept, engine}, "With everything on " + name);
  }
  for (const std::string& engine : masked) {
    const std::string name = masked.size() == 1 ? "" : ", the " + html_escape(engine) + " engine,";
    text += over_dense_sentence(study, {Executes::masked, engine}, "Multiplying by masks" + name);
  }
  return text;
}

std::string masks_of(const SpeedCell& cell) { return html_escape(cell.everything_on() ? "all on" : cell.which); }

/// "both"; where several engines execute the same, "flat, both".
std::string masks_of(const SpeedStudy& study, const SpeedCell& cell) {
  if (cell.engine.executes == Executes::all) return html_escape(cell.engine.name);
  const std::string masks = cell.everything_on() ? "all on" : cell.which;
  return html_escape(study.engines(cell.engine.executes).size() == 1 ? masks : cell.engine.name + ", " + masks);
}

/// The share of the blocks' MACs, and what was planned where that was rounded up.
std::string lambda_of(const SpeedCell& cell) {
  const std::string realised = number(cell.lambda_realised);
  return std::isfinite(cell.lambda_planned) ? realised + " (" + number(cell.lambda_planned) + ")" : realised;
}

/// The dense model and the engines that skip over the shares kept, with the published realisation.
std::string speed_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine.executes != Executes::masked) {
      // Of several complete engines the first one is what all are held against.
      const bool held_against = cell.engine.executes == Executes::all && cell.speedup.mean == 1;
      rows += row({std::to_string(cell.batch), masks_of(study, cell), cell.keep.text(), lambda_of(cell),
                   number(cell.gmacs), per_image(cell), held_against ? "1" : plus_minus(cell.speedup),
                   number(cell.theoretical_speedup), held_against ? "–" : plus_minus(cell.realisation),
                   cell.which == "both" ? number(published_realisation(study.model, cell.theoretical_speedup)) : "–",
                   number(cell.activation_memory + cell.weight_memory)});
    }
  const bool rounded =
      std::ranges::any_of(study.cells, [](const SpeedCell& cell) { return std::isfinite(cell.lambda_planned); });
  return table({"batch", "masks", "kept", rounded ? "λ<br>(planned)" : "λ", "GMACs", "ms per<br>image", "speedup",
                "theory", "η", "η pub-<br>lished", "MB"},
               rows);
}

/// What the column of clocks is, and at which ones the floors were measured.
std::string clock_sentence(const Cells& cells) {
  double lowest = std::numeric_limits<double>::infinity(), highest = 0;
  for (const SpeedCell* cell : cells)
    if (std::isfinite(cell->floor_clock)) {
      lowest = std::min(lowest, cell->floor_clock);
      highest = std::max(highest, cell->floor_clock);
    }
  const std::string sentence =
      " The clock is the multiprocessors' own during the passes; the floor is measured in bursts of milliseconds";
  if (highest == 0) return sentence + ".";
  const std::string from = decimal(lowest, 0), to = decimal(highest, 0);
  return sentence + "; meanwhile, with their pauses, the clock was " + (from == to ? to : from + " to " + to) + " MHz.";
}

/// A GPU's times beside what the libraries' kernels take at least; empty where no floor was measured.
std::string floor_table(const SpeedStudy& study) {
  Cells cells;
  for (const SpeedCell& cell : study.cells)
    if (std::isfinite(cell.over_floor.mean)) cells.push_back(&cell);
  if (cells.empty()) return "";
  const bool clocks = std::ranges::any_of(cells, [](const SpeedCell* cell) { return std::isfinite(cell->sm_clock); });
  const auto with_clock = [&](std::vector<std::string> fields, const std::string& clock) {
    if (clocks) fields.insert(fields.begin() + 5, clock);  // beside the time
    return fields;
  };
  std::string rows;
  for (const SpeedCell* cell : cells)
    rows +=
        row(with_clock({std::to_string(cell->batch), html_escape(cell->engine.name),
                        cell->engine.executes == Executes::all ? "complete" : masks_of(*cell), cell->keep.text(),
                        number(cell->time.mean), number(cell->time.mean / cell->over_floor.mean),
                        plus_minus(cell->over_floor), plus_minus(cell->realisation), number(cell->floor_realisation)},
                       decimal(cell->sm_clock, 0)));
  const std::string what =
      "<p>On this GPU the floor is what the blocks take at least by the libraries' kernels, each alone: products by "
      "the fastest of cuBLASLt's algorithms, the fastest attention, and the norms at the rate of a copy.";
  return what + (clocks ? clock_sentence(cells) : "") + "</p>\n" +
         table(with_clock({"batch", "engine", "masks", "kept", "ms", "floor, ms", "time over<br>floor", "η",
                           "η of the<br>floors"},
                          "clock,<br>MHz"),
               rows);
}

/// What multiplying by masks takes; empty when it was not measured.
std::string masked_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine.executes == Executes::masked)
      rows += row({std::to_string(cell.batch), masks_of(study, cell), cell.keep.text(), per_image(cell),
                   plus_minus(cell.time_over_dense()), number(cell.theoretical_speedup)});
  if (rows.empty()) return "";
  return "<p>Multiplying by masks, as the published code does, computes everything:</p>\n" +
         table({"batch", "masks", "kept", "ms per<br>image", "over the<br>dense time", "theory"}, rows);
}

/// Trained models as their routers decide: the engines that skip beside the dense model.
std::string trained_table(const std::vector<SpeedStudy>& studies, std::span<const record::Run> runs) {
  std::string rows;
  std::set<std::string> settings;
  const bool several = engines_of(studies, Executes::kept).size() > 1;
  for (const SpeedStudy& study : studies)
    for (const SpeedCell& cell : study.cells) {
      if (cell.engine.executes != Executes::kept || !cell.own()) continue;
      settings.insert(study.setting());
      const auto beside = [&](auto is) {
        const auto found = std::find_if(study.cells.begin(), study.cells.end(),
                                        [&](const SpeedCell& other) { return other.batch == cell.batch && is(other); });
        return found == study.cells.end() ? nullptr : &*found;
      };
      const SpeedCell* dense =
          beside([](const auto& o) { return o.engine.executes == Executes::all && o.everything_on(); });
      const SpeedCell* alike = beside([&](const auto& o) { return o.engine == cell.engine && o.which == "alike"; });
      const SpeedCell* masked = beside([](const auto& o) { return o.engine.executes == Executes::masked && o.own(); });
      rows += row({html_escape(name_among(studies, study) + (several ? ", " + cell.engine.name : "")),
                   std::to_string(cell.batch), number(cell.lambda_realised), number(cell.gmacs),
                   dense == nullptr ? "–" : per_image(*dense), per_image(cell), plus_minus(cell.speedup),
                   number(cell.theoretical_speedup), plus_minus(cell.realisation),
                   alike == nullptr ? "–" : plus_minus(alike->realisation),
                   masked == nullptr ? "–" : plus_minus(masked->speedup)});
    }
  if (rows.empty()) return "";
  return "<h3>Trained models, as their routers decide (" + html_escape(fmt::format("{}", fmt::join(settings, "; "))) +
         ")</h3>\n" +
         table({"model", "batch", "λ", "GMACs", "dense ms<br>per image", "ms per<br>image", "speedup", "theory", "η",
                "η of masks<br>by chance", "speedup<br>masked"},
               rows) +
         note(
             "Means over timesteps spread evenly over the process. Masks by chance keep the same shares of " +
             html_escape(listed(unit_labels(runs))) +
             ", the same in all blocks and timesteps. A model whose decisions never change and skip no token is static "
             "and is run without routers.");
}

constexpr double nearly_all = 0.9;  // of the theoretical speedup

Judgement becomes_time(const SpeedCell& cell) {
  if (cell.speedup.high <= 1) return Judgement::no;
  if (!(cell.speedup.low > 1)) return Judgement::cannot_tell;
  return cell.realisation.low >= nearly_all ? Judgement::yes : Judgement::in_part;
}

/// The cells that the answer is about: of the largest batch, those of trained models; where there is none,
/// those that keep about a half.
struct Answered {
  std::vector<Named> speedups, realisations;
  std::vector<Judgement> judgements;
  std::vector<std::string> engines;
  std::string how;

  void add(std::string name, const SpeedCell& cell) {
    if (engines.size() > 1) name += ", " + cell.engine.name;
    if (!cell.own()) name += ", " + name_of_cell(cell);
    speedups.push_back({name, cell.speedup});
    realisations.push_back({name, cell.realisation});
    judgements.push_back(becomes_time(cell));
  }
};

Answered answered(const std::vector<SpeedStudy>& studies) {
  Answered all;
  all.engines = engines_of(studies, Executes::kept);
  for (const bool trained : {true, false}) {
    for (const SpeedStudy& study : studies)
      for (const std::string& engine : study.engines(Executes::kept)) {
        const Cells cells =
            !trained ? imposed_near(study, engine, 0.5) : cells_where(study, [&](const SpeedCell& cell) {
              return cell.own() && cell.engine == Engine{Executes::kept, engine} &&
                     std::isfinite(cell.realisation.mean);
            });
        if (cells.empty()) continue;
        all.how =
            trained ? "as trained routers decide" : fmt::format("with {} of the units kept", cells.back()->keep.text());
        all.add(name_among(studies, study), *cells.back());
      }
    if (!all.judgements.empty()) break;
  }
  return all;
}

void answer(Section& section, const std::vector<SpeedStudy>& studies) {
  const Answered all = answered(studies);
  if (all.judgements.empty()) {
    section.answer = "There is nothing to set against the dense model.";
    return;
  }
  const bool one = all.engines.size() == 1;
  const std::string engines = html_escape(listed(all.engines));
  const auto [low, high] = std::ranges::minmax(all.speedups, smaller, &Named::value);
  section.answer = fmt::format(
      "{} {} of the theoretical speedup, {}; {} {} times as fast as the dense model.",
      one ? "The " + engines + " engine reaches" : "The engines " + engines + " reach",
      analysis::from_to(all.realisations), all.how, one ? "it is" : "they are",
      all.speedups.size() == 1 ? bold(low.value) : number(low.value.mean) + " to " + number(high.value.mean));
  section.tile =
      Tile{"Does skipped work become time?", plus_minus(least(all.realisations).value),
           "of the theoretical speedup, " + all.how + ": " + least_of(all.realisations), combined(all.judgements)};
}

/// What several shares in the place of one are; nothing where no cell has them.
std::string by_axis_note(const std::vector<SpeedStudy>& studies, std::span<const record::Run> runs) {
  for (const SpeedStudy& study : studies)
    if (std::ranges::any_of(study.cells, [](const SpeedCell& cell) { return cell.keep.by_axis(); }))
      return note("<b>kept</b>: several shares are those of " + html_escape(listed(unit_labels(runs))) +
                  ", in this order; units that the masks do not name all stay on. In figures of speedups these cells "
                  "are points beside the curves, each with a ring around it.");
  return "";
}

std::string terms() {
  std::string metrics;
  for (const char* metric : {"lambda_realised", "theoretical_speedup", "speedup", "realisation"})
    metrics += described(metric);
  return note(
      metrics +
      fmt::format(
          "<b>Published η</b>: of the paper's model of the same size, on a V100 and with the masks that it learnt, "
          "interpolated linearly over the theoretical speedup; a dash beyond what was published. <b>Masks</b>: widths "
          "are "
          "heads and channel groups. <b>MB</b>: the tensors of a pass at once, and the weights that it reads. "
          "<b>†</b>: "
          "disturbed, the interval of its time is wider than a tenth of it, or unknown (fewer than six blocks). Times "
          "are "
          "medians over interleaved blocks. Skipped work is judged to become time when {} of the theoretical speedup "
          "is "
          "reached, in part when the engine is faster than the dense model.",
          nearly_all));
}

}  // namespace

std::optional<Section> speed_section(const Findings& findings, const Show& show) {
  const auto& studies = findings.speed;
  if (studies.empty()) return std::nullopt;
  Section section{.id = "speed", .title = "How much of the skipped work becomes time?"};
  answer(section, studies);
  for (const SpeedStudy& study : studies) {
    const std::string title = html_escape(study.title());
    for (const Figure& figure : speedup_figures(study, "speedup-" + record::safe_name(name_among(studies, study))))
      (section.shown.empty() ? section.shown : section.details) +=
          show(figure,
               "The nearer a curve comes to the diagonal, the more of the skipped work becomes time; it "
               "begins with everything on.");
    if (study.trained()) continue;
    section.details += "<h3>" + title + "</h3>\n<p>" + sentences(study) + "</p>\n" + speed_table(study) +
                       floor_table(study) + masked_table(study);
  }
  const std::string trained = trained_table(studies, findings.runs);
  if (section.shown.empty())
    section.shown = trained;
  else
    section.details = trained + section.details;
  section.details += by_axis_note(studies, findings.runs) + terms();
  return section;
}

}  // namespace dydit::analysis
