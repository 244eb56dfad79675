// SPDX-License-Identifier: Apache-2.0
#include "sections.h"

namespace dydit::analysis {

std::vector<Section> sections_of(const Findings& findings, const Show& show) {
  std::vector<Section> sections;
  for (SectionOf* section : {tradeoffs_section, speed_section, waterfall_section, loss_gap_section,
                             loss_map_section, activation_section, compute_section, share_section,
                             learning_section, notes_section, failures_section, provenance_section})
    if (auto found = section(findings, show)) sections.push_back(std::move(*found));
  return sections;
}

}  // namespace dydit::analysis
