// SPDX-License-Identifier: Apache-2.0
#include "sections.h"

#include <fmt/format.h>

#include <algorithm>

#include "text.h"

namespace dydit::analysis {

using record::Run;

namespace {

/// Runs of one process each, in the order of the runs.
std::vector<std::vector<Run>> by_process(std::span<const Run> runs) {
  std::vector<std::vector<Run>> groups;
  for (const Run& run : runs) {
    const auto found = std::ranges::find_if(
        groups, [&](const auto& group) { return process_entry(group.front()) == process_entry(run); });
    (found == groups.end() ? groups.emplace_back() : *found).push_back(run);
  }
  return groups;
}

/// "Diffusion"; of several diffusions all that the manifest says.
void name_processes(std::vector<Findings>& all) {
  for (Findings& one : all) {
    const auto same = [&](const Findings& other) { return &other.process == &one.process; };
    one.title = one.process.title;
    one.suffix = fmt::format("-{}", one.process.name);
    if (std::count_if(all.begin(), all.end(), same) == 1) continue;
    std::vector<std::string> settings;
    const auto said = process_entry(one.runs.front());
    for (const auto& [key, value] : said.items())
      if (key != "name") settings.push_back(key + " " + (value.is_string() ? value.get<std::string>() : value.dump()));
    one.title += fmt::format(" ({})", fmt::join(settings, ", "));
    one.suffix += fmt::format("-{}", &one - all.data() + 1);
  }
}

/// A section of one of several processes, which its title and the names of its files say.
std::optional<Section> of_process(StudySection* section, const Findings& findings, const Show& show) {
  auto found = section(findings, [&](Figure figure, const std::string& caption) {
    figure.name += findings.suffix;
    return show(figure, caption);
  });
  if (!found) return found;
  const std::string title = html_escape(findings.title) + ": ";
  found->id += findings.suffix;
  found->title = title + found->title;
  if (found->tile) found->tile->question = title + found->tile->question;
  return found;
}

}  // namespace

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options) {
  Findings findings{.runs = runs,
                    .process = process_of(runs.front()),
                    .options = options,
                    .gap = loss_gap(runs, options.bootstrap_seed),
                    .curves = learning_curves(runs),
                    .speed = speed_studies(runs),
                    .tradeoffs = {}};
  findings.tradeoffs = tradeoffs(findings.gap, findings.curves, findings.speed, options.bootstrap_seed);
  return findings;
}

std::vector<Section> sections_of(std::span<const Run> runs, const ReportOptions& options, const Show& show) {
  const auto groups = by_process(runs);
  std::vector<Findings> findings;
  for (const auto& group : groups) findings.push_back(findings_of(group, options));
  std::vector<Section> sections;
  const auto add = [&](std::optional<Section> section) {
    if (section) sections.push_back(std::move(*section));
  };
  if (groups.size() > 1) {
    name_processes(findings);
    add(common_axis_section(findings, show));
  }
  for (StudySection* section : {tradeoffs_section, speed_section, waterfall_section, kernels_section, costs_section,
                                combinations_section, quality_section, samples_section, loss_gap_section,
                                loss_map_section, activation_section, compute_section, share_section, learning_section})
    for (const Findings& each : findings)
      add(groups.size() == 1 ? section(each, show) : of_process(section, each, show));
  for (const SectionOf& section : options.further) add(section(runs, show));
  for (RunSection* section : {notes_section, failures_section, provenance_section}) add(section(runs, show));
  return sections;
}

}  // namespace dydit::analysis
