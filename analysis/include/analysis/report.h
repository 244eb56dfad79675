// SPDX-License-Identifier: Apache-2.0
// The report: figures, their data, and one self-contained page that answers with numbers what the run
// was made to find out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/section.h"
#include "record/run_directory.h"

namespace dydit::analysis {

struct ReportOptions {
  /// Each loss map on its own scale, as in the paper; else as the profile of the first run says.
  std::optional<bool> normalise_each;
  std::uint64_t bootstrap_seed = 0;
  std::string gnuplot = "gnuplot";
  std::vector<SectionOf> further = {};  ///< sections from elsewhere, below those of the studies
};

/// Writes OUT/index.html and OUT/figures/NAME.{gp,csv,svg,pdf,png}; gives the page's path. Studies that
/// the runs do not hold are left out. Equal runs give equal bytes: no clock, no folder names. Throws
/// InputError for manifests and records that do not fit together, RunError when gnuplot is missing.
std::filesystem::path write_report(std::span<const record::Run> runs, const std::filesystem::path& out,
                                   const ReportOptions& options = {});

// A recorded report whose tensors were left out (CONTRIBUTING.md): what they said stays as its page has it.

/// Whether good records of the run name tensors of which no file is there, and without them no page can be drawn or one
/// is there that had them: trajectories alone, of which strips of images are missing, are drawn where no page is there.
bool tensors_left_out(const record::Run& run);

/// The page of such a run, as it was recorded; where `out` is another folder than the run's, copied there with the CSV
/// and the script of every figure. The scripts are not run: a stranger's may do anything. Throws InputError where
/// the run has no page.
std::filesystem::path recorded_page(const record::Run& run, const std::filesystem::path& out);

}  // namespace dydit::analysis
