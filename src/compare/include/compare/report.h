// SPDX-License-Identifier: Apache-2.0
// A comparison as texts: for a terminal, for programs, and for what shows results of continuous integration.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "compare/verdict.h"

namespace dydit::compare {

/// "2 slower, 1 faster, 26 same, 1 cannot tell"; risen counts where there are.
std::string summary(const Comparison& comparison);

/// A line for each benchmark with its times as a sparkline, slower ones first, then what the suite says.
std::string table(const Comparison& comparison);

/// {"benchmarks": [{"name", "verdict", "ratio", "ci95", "reason", "p", "runs", "seconds", "runs_needed", "detectable", "counts"}],
/// "suite": {"slower", "faster", "same", "cannot_tell", "risen"}, "notes"}; numbers that there are not are left out.
std::string json(const Comparison& comparison);

/// JUnit XML: what is slower, or has a gated count that rose, is a failure, what cannot be told is skipped.
std::string junit(const Comparison& comparison);

/// A comment for a pull request.
std::string markdown(const Comparison& comparison);

/// Workflow commands of GitHub Actions: an error for each failure, a notice for what is faster.
std::string annotations(const Comparison& comparison);

/// Bencher Metric Format: the candidate's latency in ns, median and range of the process runs.
std::string bmf(const Comparison& comparison);

/// What github-action-benchmark calls customSmallerIsBetter, of the candidate, in ms.
std::string smaller_is_better(const Comparison& comparison);

struct Format {
  std::string_view name;
  std::string (*text_of)(const Comparison&);
};

inline constexpr std::array formats{Format{"table", table},
                                    Format{"json", json},
                                    Format{"junit", junit},
                                    Format{"markdown", markdown},
                                    Format{"annotations", annotations},
                                    Format{"bmf", bmf},
                                    Format{"smaller-is-better", smaller_is_better}};

}  // namespace dydit::compare
