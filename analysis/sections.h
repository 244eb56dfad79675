// SPDX-License-Identifier: Apache-2.0
// The sections of a report, a file each. A new one needs a line here and its place in sections.cpp.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/report.h"
#include "analysis/section.h"
#include "analysis/tradeoffs.h"

namespace dydit::analysis {

/// What runs of one process show, as far as several sections of a report need it: computed once.
struct Findings {
  std::span<const record::Run> runs;
  const Process& process;
  ReportOptions options;
  std::string title = {}, suffix = {};  ///< of the process, and for names of files, where there are several
  std::optional<LossGap> gap;
  std::vector<LearningCurve> curves;
  std::vector<SpeedStudy> speed;
  std::vector<Tradeoff> tradeoffs;
};

/// All of them (each of a model), the one of the model that a report tells of first at the head.
template <typename T>
std::vector<const T*> shown_first(const Findings& findings, const std::vector<T>& all) {
  std::vector<const T*> order;
  for (const T& one : all) order.push_back(&one);
  if (const Tradeoff* shown = shown_tradeoff(findings.tradeoffs))
    std::stable_partition(order.begin(), order.end(), [&](const T* one) { return one->model == shown->model; });
  return order;
}

/// Throws InputError for manifests and records that do not fit together. The runs must outlive it.
Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

/// Of runs of one process; nothing where they do not hold what it is about.
using StudySection = std::optional<Section>(const Findings& findings, const Show& show);

StudySection tradeoffs_section;     // what skipping work costs in loss and saves in time
StudySection speed_section;         // how much of the theoretical speedup is reached
StudySection waterfall_section;     // what takes the rest of the time
StudySection kernels_section;       // where the milliseconds of a pass go, by range and kernel
StudySection costs_section;         // what the units of a block cost
StudySection combinations_section;  // whether the speedups of routers, caches and samplers multiply
StudySection quality_section;       // how good the images are, against their time
StudySection samples_section;       // what the trajectories drew
StudySection loss_gap_section;      // at which timesteps a model loses
StudySection loss_map_section;      // where in the image the loss is
StudySection activation_section;    // what is on, at which timesteps
StudySection compute_section;       // where in the image a dynamic model computes
StudySection share_section;         // what training toward a share of the MACs reached
StudySection learning_section;      // how far the dense models were trained

/// Of runs of several processes: their losses on one axis.
std::optional<Section> common_axis_section(const std::vector<Findings>& all, const Show& show);

using RunSection = std::optional<Section>(std::span<const record::Run> runs, const Show& show);

RunSection notes_section;       // the notes of the profiles
RunSection failures_section;    // cells without a result
RunSection provenance_section;  // how to run this again; machine, build, data, models

/// In the order of the page; with several processes each question is answered for one after the other.
std::vector<Section> sections_of(std::span<const record::Run> runs, const ReportOptions& options, const Show& show);

/// What was run, on what, and when it ended, in a line (HTML).
std::string subtitle(std::span<const record::Run> runs);

}  // namespace dydit::analysis
