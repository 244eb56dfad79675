// SPDX-License-Identifier: Apache-2.0
// The page of a report: tiles with its answers, a list of its sections, and the sections. All text is HTML.
#pragma once

#include "analysis/section.h"

namespace dydit::analysis {

/// The whole document: no scripts, nothing to load. `subtitle` says what was run, and on what. The tiles are
/// those of the first six sections that have one.
std::string page(const std::string& title, const std::string& subtitle, const std::vector<Section>& sections);

}  // namespace dydit::analysis
