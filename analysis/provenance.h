// SPDX-License-Identifier: Apache-2.0
// The sections of a report that say what was run, on what, and how to run it again (HTML).
#pragma once

#include <span>
#include <string>

#include "record/run_directory.h"

namespace dydit::analysis {

/// The models beside those of the paper; empty when the manifests name none.
std::string trained_section(std::span<const record::Run> runs);
/// The notes of the profiles; empty when there are none.
std::string notes_section(std::span<const record::Run> runs);
/// Command and profile.
std::string reproduce_section(std::span<const record::Run> runs);
/// Machine, build, data and the rest of the manifest.
std::string machine_section(std::span<const record::Run> runs);
/// Cells that failed or were skipped, with their errors; empty when there are none.
std::string failures_section(std::span<const record::Run> runs);

}  // namespace dydit::analysis
