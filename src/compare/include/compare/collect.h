// SPDX-License-Identifier: Apache-2.0
// Runs the benchmarks of both sides in turns until there is a verdict.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "compare/verdict.h"

namespace dydit::compare {

struct CollectOptions {
  std::filesystem::path folder;  ///< gets base/, candidate/ with a result for each process run, and collect.json
  Rule rule = {};
  Reading reading = {};
  int most = 40;                              ///< process runs a side
  std::optional<double> budget_seconds = {};  ///< no pair of runs but the first fewest_runs is begun after it
  std::uint64_t seed = 0;                     ///< of the order
  bool quiet = false;
};

/// Runs the shell commands in pairs, each pair in random order, and looks at what they say as Sequential does, until
/// every benchmark has its verdict, `most` runs a side are there or the budget is spent. `{out}` in a command stands
/// for the path that its result is to be written to, quoted for the shell, else its standard output is the result.
/// Before each run a fixed workload, the canary, is timed: where that differs between the sides, the machine did, and
/// nothing is told. What is there of the same commands, rule and seed is used again, and what its budget ended stays
/// ended. Throws RunError where a command fails or another process collects there, UsageError where the folder holds
/// another collection, or where a file that a command names was changed since, InputError where a result is none or
/// the sides have no benchmark in common, Interrupted.
Comparison collect(const std::string& base, const std::string& candidate, const CollectOptions& options);

}  // namespace dydit::compare
