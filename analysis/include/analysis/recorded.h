// SPDX-License-Identifier: Apache-2.0
// A recorded report whose tensors were left out (CONTRIBUTING.md): what they said stays as its page has it.
#pragma once

#include <filesystem>

#include "record/run_directory.h"

namespace dydit::analysis {

/// Whether good records of the run name tensors and none of these files is there.
bool tensors_left_out(const record::Run& run);

/// The page of such a run, as it was recorded; where `out` is another folder than the run's, copied there with the CSV
/// and the script of every figure. The scripts are not run: a stranger's may do anything. Throws InputError where
/// the run has no page.
std::filesystem::path recorded_page(const record::Run& run, const std::filesystem::path& out);

}  // namespace dydit::analysis
