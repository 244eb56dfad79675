// SPDX-License-Identifier: Apache-2.0
// Whether a candidate is slower than a base, benchmark by benchmark: verdicts that begin at "cannot tell".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "compare/results.h"

namespace dydit::compare {

inline constexpr int fewest_runs = 3, most_runs = 1000;  ///< process runs a side whose times are compared

enum class Verdict { cannot_tell, same, slower, faster };

/// "cannot-tell", "same", "slower", "faster"
const char* name_of(Verdict verdict);

struct Rule {
  double threshold = 0.01;  ///< smallest change of the time that matters, a share of the base's
  /// Probability that any benchmark of a suite in which nothing changed is called slower or faster.
  double alarms = 0.04;
  double same_level = 0.1;              ///< of the interval that has to lie within the threshold for "same"
  std::vector<std::string> gated = {};  ///< counts that must not rise; empty: those of default_gate() that there are

  /// MACs, passes, launches, allocations and memory; not instructions, which differ a little from run to run.
  static std::vector<std::string> default_gate();
};

/// A count of one benchmark on both sides; the least and the most of the process runs.
struct Count {
  std::string name;
  std::array<double, 2> base, candidate;
  bool gated = true;
  /// Of one that varies on a side, whether there are so many runs that those of the sides lie apart by chance no more
  /// often than a time has an alarm.
  bool told = true;

  /// Every run of the candidate has more than each of the base.
  bool rose() const { return told && candidate[0] > base[1]; }
  bool fell() const { return told && candidate[1] < base[0]; }
};

struct Compared {
  std::string name;
  Verdict verdict = Verdict::cannot_tell;
  std::string reason = {};                             ///< why it cannot be told, in words
  std::optional<int> runs_needed = {};                 ///< process runs a side with which it could probably be told
  std::vector<double> base, candidate;                 ///< seconds, one for each process run
  std::optional<double> ratio = {};                    ///< candidate time over base time
  std::optional<std::array<double, 2>> interval = {};  ///< of the ratio, for all benchmarks together (see compare)
  std::optional<double> p = {};                        ///< of no change, of this benchmark alone
  std::optional<double> detectable = {};  ///< the slowdown, a share, that would have been found in 80 % of cases
  std::vector<Count> counts = {};         ///< those of both sides
};

struct Comparison {
  Rule rule;
  std::vector<Compared> benchmarks;  ///< by name
  std::vector<std::string> notes;

  int count(Verdict verdict) const;
  int risen() const;  ///< gated counts
  /// Something is slower, or a gated count rose.
  bool worse() const { return count(Verdict::slower) > 0 || risen() > 0; }
};

/// Times are compared by a permutation test of process runs (statistics.h): what varies within a run is no error term.
/// Slower (faster): the test, corrected for the number of benchmarks (Holm 1979), finds a change, and the estimate is
/// beyond the threshold. Same: the interval of 1 - same_level, uncorrected, lies within the threshold (two one-sided
/// tests, Schuirmann 1987). `interval` is as wide as the step of Holm's procedure that decided the benchmark, so it
/// excludes 1 exactly where that found a change. Throws InputError where no benchmark is on both sides, where none has
/// a count that is to be gated, and for more than most_runs.
Comparison compare(const Results& base, const Results& candidate, const Rule& rule = {});

}  // namespace dydit::compare
