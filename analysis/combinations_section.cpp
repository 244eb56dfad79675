// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "analysis/combinations.h"
#include "analysis/figures.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

using SamplingCells = std::vector<const SamplingCell*>;

constexpr double most_of_product = 0.9;  // of the product of the separate speedups

/// Does the speedup of a combination reach the product, or at least more than the best of its parts alone?
Judgement multiplies(const SamplingStudy& study, const SamplingCell& cell) {
  if (cell.speedup.high <= 1) return Judgement::no;
  if (cell.speedup.low > 1 && cell.share.low >= most_of_product) return Judgement::yes;
  const SamplingCells parts = study.separate(cell);
  if (!std::ranges::all_of(parts, [](auto* part) { return part != nullptr && std::isfinite(part->speedup.mean); }))
    return Judgement::cannot_tell;
  const SamplingCell* best = *std::ranges::max_element(parts, {}, [](auto* part) { return part->speedup.mean; });
  if (cell.speedup.low > best->speedup.high) return Judgement::in_part;
  return cell.speedup.high < best->speedup.low ? Judgement::no : Judgement::cannot_tell;
}

/// The combinations of all studies, and those of them that have a product to be held against.
struct Multiplied {
  std::size_t combinations = 0, fully = 0;
  std::vector<Named> shares, speedups;
  std::vector<Judgement> judgements;

  void add(const std::string& name, const SamplingCell& cell, Judgement judgement) {
    ++combinations;
    if (!std::isfinite(cell.share.mean) || !std::isfinite(cell.speedup.mean)) return;
    shares.push_back({name, cell.share});
    speedups.push_back({name, cell.speedup});
    judgements.push_back(judgement);
    if (cell.share.low >= most_of_product) ++fully;
  }
};

Multiplied multiplied(const std::vector<SamplingStudy>& studies) {
  Multiplied all;
  for (const SamplingStudy& study : studies)
    for (const SamplingCell& cell : study.cells)
      if (study.separate(cell).size() > 1)
        all.add((studies.size() > 1 ? name_among(studies, study) + ": " : "") + cell.name(), cell,
                multiplies(study, cell));
  return all;
}

/// "The reference is the complete model by ddim in 50 steps, without a cache."; where studies differ, of none in
/// particular.
std::string reference_sentence(const std::vector<SamplingStudy>& studies) {
  std::set<std::string> said;
  for (const SamplingStudy& study : studies) {
    const SamplingCell* const reference = study.reference();
    if (reference == nullptr)
      return " Where the cell of the reference is missing, what is a combination by its sampler or number of steps "
             "alone is "
             "not known as one.";
    said.insert(fmt::format("by {} in {} steps", reference->sampler, reference->steps));
  }
  return said.size() > 1
             ? ""
             : fmt::format(" The reference is the complete model {}, without a cache.", html_escape(*said.begin()));
}

void answer(Section& section, const std::vector<SamplingStudy>& studies) {
  const Multiplied all = multiplied(studies);
  const std::string left_out =
      all.shares.size() == all.combinations
          ? ""
          : fmt::format(" Of {} more the product is not known.", all.combinations - all.shares.size());
  if (all.shares.empty()) {
    section.answer = (all.combinations > 0
                          ? "The product of the separate speedups is not known for any combination."
                          : "No cell is known to combine two of dynamic computation, a cache, and another sampler or "
                            "number of steps.") +
                     reference_sentence(studies);
    return;
  }
  const bool one = all.shares.size() == 1;
  const std::string fully = all.fully == 0 ? "none" : std::to_string(all.fully);
  const Named& fastest = *std::ranges::max_element(all.speedups, smaller, &Named::value);
  section.answer = (one ? "One combination reaches " : fmt::format("{} combinations reach ", all.shares.size())) +
                   from_to(all.shares) + " of the product of the separate speedups" +
                   (one ? "; it is"
                        : fmt::format(", {} of them clearly {:g} or more; the fastest, {}, is", fully, most_of_product,
                                      html_escape(fastest.name))) +
                   fmt::format(" {} times as fast as the reference.{}{}", bold(fastest.value), left_out,
                               reference_sentence(studies));
  section.tile = Tile{"Do the speedups multiply?", plus_minus(least(all.shares).value),
                      fmt::format("of the product of the separate speedups: {}{}", least_of(all.shares),
                                  one ? "" : fmt::format("; {} clearly reach {:g}", fully, most_of_product)),
                      combined(all.judgements)};
}

std::string row_of(const SamplingCell& cell) {
  return row({html_escape(cell.variant()), html_escape(cell.cache), html_escape(cell.sampler),
              std::to_string(cell.steps),
              plus_minus(cell.time) + (std::isfinite(cell.time.mean) && cell.disturbed() ? " †" : ""),
              plus_minus(cell.speedup), number(cell.theory), number(cell.multiplied.mean), plus_minus(cell.share),
              number(cell.blocks_run), number(cell.gmacs), number(cell.gmacs_guided), number(cell.activation_memory),
              number(cell.cache_memory)});
}

std::string cells_table(const SamplingCells& cells) {
  std::string rows;
  for (const SamplingCell* cell : cells) rows += row_of(*cell);
  return table({"engine", "cache", "sampler", "steps", "ms per<br>image", "speedup", "theory", "multi-<br>plied",
                "share<br>realised", "blocks<br>run", "GMACs,<br>papers'", "GMACs,<br>guided", "MB", "cache<br>MB"},
               rows);
}

/// First the fastest sampler of each engine, cache and number of steps, then, folded, the others.
std::string tables(const SamplingStudy& study) {
  const auto same = [](const SamplingCell& a, const SamplingCell& b) {
    return std::tie(a.engine, a.which, a.keep, a.cache, a.steps) ==
           std::tie(b.engine, b.which, b.keep, b.cache, b.steps);
  };
  const auto time = [](const SamplingCell& cell) { return std::isfinite(cell.time.mean) ? cell.time.mean : HUGE_VAL; };
  SamplingCells first, others;
  for (const SamplingCell& cell : study.cells) {  // cells that differ in the sampler alone follow each other
    if (first.empty() || !same(*first.back(), cell))
      first.push_back(&cell);
    else if (time(cell) < time(*first.back()))
      others.push_back(std::exchange(first.back(), &cell));
    else
      others.push_back(&cell);
  }
  return cells_table(first) +
         (others.empty() ? "" : folded(fmt::format("By other samplers ({})", others.size()), cells_table(others)));
}

// What sampling takes beside its passes.
std::string passes_note(const SamplingStudy& study) {
  std::string times;
  for (const SamplingCell& cell : study.cells)
    if (std::isfinite(cell.beyond_passes.mean))
      times += fmt::format("{}{} {}", times.empty() ? "" : ", ", html_escape(cell.variant()),
                           plus_minus(cell.beyond_passes));
  return times.empty()
             ? ""
             : note("A trajectory without a cache takes so many times its forward passes alone: " + times + ".");
}

std::string waterfall_table(const SamplingStudy& study) {
  std::string rows;
  for (const SamplingCell* cell : shown_combinations(study)) {
    std::vector<std::string> fields{html_escape(cell->name()), plus_minus(cell->waterfall->ideal)};
    for (const Interval& cause : cell->waterfall->causes) fields.push_back(plus_minus(cause));
    fields.push_back(plus_minus(cell->time) + (cell->disturbed() ? " †" : ""));
    rows += row(fields);
  }
  std::vector<std::string> head{"ms per image", std::string(ideal_bar.label)};
  for (const BarInfo& cause : sampling_causes) head.emplace_back(cause.label);
  head.emplace_back("measured");
  return rows.empty() ? "" : table(head, rows);
}

std::string combination_terms() {
  std::string metrics, bars;
  for (const char* metric :
       {"sampling_speedup", "sampling_theory", "multiplied_speedup", "multiplied_share", "blocks_run", "cache_memory"})
    metrics += described(metric);
  for (const BarInfo& bar : {ideal_bar, sampling_causes[0], sampling_causes[1], sampling_causes[2]})
    bars += fmt::format("<b>{}</b>: {} ", bar.label, bar.description);
  return note(fmt::format("{}<b>GMACs, papers'</b>: {} <b>GMACs, guided</b>: {} A guidance of 1 is none: both are "
                          "equal. <b>MB</b>: {} "
                          "<b>†</b>: disturbed, the interval of its time is wider than a tenth of it, or unknown.",
                          metrics, record::metric("sampling_gmacs").description,
                          record::metric("sampling_gmacs_guided").description,
                          record::metric("activation_memory").description)) +
         note(
             "A combination is two or three of: an engine that skips what is off, a cache, and another sampler or "
             "number "
             "of steps than the reference's. " +
             fmt::format(
                 "Speedups are judged to multiply when {} of the product is reached, in part when a combination "
                 "is faster than the best of its parts alone.",
                 most_of_product)) +
         note("Pieces of a bar: " + bars +
              "Each cause counts at the MACs that the combination executes, so ideal and causes add up to its time.");
}

}  // namespace

std::optional<Section> combinations_section(const Findings& findings, const Show& show) {
  constexpr std::ptrdiff_t most = 4;  // studies with figures
  const auto studies = sampling_studies(findings.runs);
  if (studies.empty()) return std::nullopt;
  Section section{.id = "combinations", .title = "Do dynamic computation, samplers and caches multiply?"};
  answer(section, studies);
  std::ptrdiff_t drawn = 0;
  for (const SamplingStudy* study : shown_first(findings, studies)) {
    const std::string name = record::safe_name(name_among(studies, *study));
    std::string figures;
    const auto add = [&](const std::optional<Figure>& figure, std::string& to, const std::string& caption) {
      if (figure && drawn < most) to += show(*figure, caption);
    };
    add(combinations_figure(*study, Against::product, "combinations-product-" + name),
        section.shown.empty() ? section.shown : figures,
        fmt::format(
            "On the diagonal the speedup is the product of the separate ones. Colours are engines and what they "
            "skip, symbols are caches; beyond {} and {} they repeat. Points are samplers at numbers of steps, "
            "lines are 95&nbsp;% intervals where these are longer than a symbol.",
            combination_colours, combination_symbols));
    add(combinations_figure(*study, Against::theory, "combinations-theory-" + name), figures,
        "The same against the MACs: on the diagonal all of the skipped work becomes time.");
    add(sampling_waterfall_figure(*study, "combinations-waterfall-" + name), figures,
        "Of each engine the fastest of those combinations that have most parts. A narrow piece gives time back: it "
        "leads from the end of the bar to the measured time.");
    ++drawn;
    section.details += "<h3>" + html_escape(study->title()) + "</h3>\n" + tables(*study) + passes_note(*study) +
                       figures + waterfall_table(*study);
  }
  if (drawn > most) section.details += note(fmt::format("Of {} studies the first {} are drawn.", drawn, most));
  section.details += combination_terms();
  return section;
}

}  // namespace dydit::analysis
