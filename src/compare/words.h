// SPDX-License-Identifier: Apache-2.0
// Phrases that several reports share.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compare/verdict.h"

namespace dydit::compare {

/// The benchmarks, those that matter first: slower or with a risen count, faster, cannot tell, same.
std::vector<const Compared*> by_importance(const Comparison& comparison);

/// "2 slower, 1 faster, 26 same, 1 cannot tell"; risen counts where there are.
std::string summary(const Comparison& comparison);

/// "slower", "cannot tell: varies by 1.5 % between process runs, 40 a side would probably tell"
std::string verdict_text(const Compared& one);

/// The same with what the times say: "1.052 times as long [1.031, 1.074]: slower".
std::string sentence(const Compared& one);

/// A sentence for each gated count that rose: "allocs_per_iter rose from 2 to 3".
std::vector<std::string> risen_counts(const Compared& one);

/// "1.23 ms"
std::string time_text(double seconds);
/// "1.052", a dash where there is none.
std::string ratio_text(const Compared& one);
/// "[1.031, 1.074]", empty where there is none or where it is infinite.
std::string interval_text(const Compared& one);

/// Parts of names between spaces that all benchmarks have ("device=cpu"), of several.
std::set<std::string> common_parts(const Comparison& comparison);
/// The name without these, as one line: what tells it from the others.
std::string name_without(const std::set<std::string>& parts, const std::string& name);

/// The text in UTF-8, with spaces for control characters: names and errors come from files.
std::string one_line(const std::string& text);

/// Median of the process runs, in seconds; NaN where there are none.
double median_time(const std::vector<double>& runs);

}  // namespace dydit::compare
