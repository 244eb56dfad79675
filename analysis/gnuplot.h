// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace dydit::analysis {

/// Runs `program` on `script` in `folder`, with an environment of its own so that the user's settings,
/// language and time zone change nothing. Throws RunError with its first complaint when it fails.
void run_gnuplot(const std::string& program, const std::filesystem::path& script,
                 const std::filesystem::path& folder);

}  // namespace dydit::analysis
