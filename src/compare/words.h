// SPDX-License-Identifier: Apache-2.0
// Phrases that several reports share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compare/verdict.h"

namespace dydit::compare {

/// The benchmarks, those that matter first: slower or with a risen count, failed or missing, faster, cannot tell, same.
std::vector<const Compared*> by_importance(const Comparison& comparison);

/// "slower", "cannot tell: varies by 1.5 % between process runs, 40 a side would probably tell"
std::string verdict_text(const Compared& one);

/// The same with what the times say: "1.052 times as long [1.031, 1.074]: slower".
std::string sentence(const Compared& one);

/// It failed or is missing in a run: no number of runs would tell.
bool unmeasured(const Compared& one);

/// A sentence for each gated count that rose: "allocs_per_iter rose from 2 to 3".
std::vector<std::string> risen_counts(const Compared& one);

/// "1.23 ms"
std::string time_text(double seconds);
/// "1.052", a dash where there is none.
std::string ratio_text(const Compared& one);
/// "[1.031, 1.074]", empty where there is none or where it is infinite.
std::string interval_text(const Compared& one);

/// What stands for the benchmarks where people read: names without the parts between spaces that all have
/// ("device=cpu"), unless these alone tell two of them apart.
struct Labels {
  std::map<std::string, std::string> of;  ///< by the benchmark's name, one line each
  std::string common;                     ///< the parts that all have; empty where there are none
};
Labels labels_of(const Comparison& comparison);

/// Median of the process runs, in seconds; NaN where there are none.
double median_time(const std::vector<double>& runs);

}  // namespace dydit::compare
