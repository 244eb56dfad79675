// SPDX-License-Identifier: Apache-2.0
// The sections of a report, a file each. A new one needs a line here and its place in sections.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "findings.h"
#include "page.h"

namespace dydit::analysis {

/// Nothing where the runs do not hold what it is about.
using SectionOf = std::optional<Section>(const Findings& findings, const Show& show);

SectionOf tradeoffs_section;   // what skipping work costs in loss and saves in time
SectionOf speed_section;       // how much of the theoretical speedup is reached
SectionOf waterfall_section;   // what takes the rest of the time
SectionOf loss_gap_section;    // at which timesteps a model loses
SectionOf loss_map_section;    // where in the image the loss is
SectionOf activation_section;  // what is on, at which timesteps
SectionOf compute_section;     // where in the image a dynamic model computes
SectionOf share_section;       // what training toward a share of the MACs reached
SectionOf learning_section;    // how far the dense models were trained
SectionOf notes_section;       // the notes of the profiles
SectionOf failures_section;    // cells without a result
SectionOf provenance_section;  // how to run this again; machine, build, data, models

/// In the order of the page.
std::vector<Section> sections_of(const Findings& findings, const Show& show);

/// What was run, on what, and when it ended, in a line (HTML).
std::string subtitle(std::span<const record::Run> runs);

}  // namespace dydit::analysis
