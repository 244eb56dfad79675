// SPDX-License-Identifier: Apache-2.0
// The sections of a report, a file each. A new one needs a line here and its place in sections.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/section.h"
#include "findings.h"

namespace dydit::analysis {

/// Of runs of one process; nothing where they do not hold what it is about.
using StudySection = std::optional<Section>(const Findings& findings, const Show& show);

StudySection tradeoffs_section;   // what skipping work costs in loss and saves in time
StudySection speed_section;       // how much of the theoretical speedup is reached
StudySection waterfall_section;   // what takes the rest of the time
StudySection loss_gap_section;    // at which timesteps a model loses
StudySection loss_map_section;    // where in the image the loss is
StudySection activation_section;  // what is on, at which timesteps
StudySection compute_section;     // where in the image a dynamic model computes
StudySection share_section;       // what training toward a share of the MACs reached
StudySection learning_section;    // how far the dense models were trained

/// Of runs of several processes: their losses on one axis.
std::optional<Section> common_axis_section(const std::vector<Findings>& all, const Show& show);

using RunSection = std::optional<Section>(std::span<const record::Run> runs, const Show& show);

RunSection notes_section;       // the notes of the profiles
RunSection failures_section;    // cells without a result
RunSection provenance_section;  // how to run this again; machine, build, data, models

/// In the order of the page; with several processes each question is answered for one after the other.
std::vector<Section> sections_of(std::span<const record::Run> runs, const ReportOptions& options,
                                 const Show& show);

/// What was run, on what, and when it ended, in a line (HTML).
std::string subtitle(std::span<const record::Run> runs);

}  // namespace dydit::analysis
