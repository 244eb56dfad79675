// SPDX-License-Identifier: Apache-2.0
// What two sets of process runs say of a ratio of times, whatever the distribution of their noise: a test of ranks as
// that of Wilcoxon (1945), and the estimate and interval that belong to it (Hodges & Lehmann 1963). What disturbs a run
// makes it slower, never faster: so the slowest third of all runs counts as one rank, as it does not matter which of
// them is slowest. On timings that finds more than Wilcoxon's test, and on normal noise no less (bench/verdicts).
#pragma once

#include <array>
#include <span>
#include <vector>

namespace dydit::compare {

/// Of the sum of one side's scores when nothing changed. The score of the r-th fastest of all runs is r, but for the
/// slowest, which share one. Exact for up to 120 runs, beyond that by the normal distribution.
class RankDistribution {
 public:
  /// Of `runs` runs of one side and `others` of the other, at least one each.
  RankDistribution(int runs, int others);

  /// Of the r-th fastest of all, from 1.
  int score(int rank) const { return rank < highest_ ? rank : highest_; }
  /// Probability of `sum` or more.
  double at_least(int sum) const;
  double mean() const { return mean_; }
  /// The smallest probability that there is: of one side that is slower throughout.
  double smallest() const { return at_least(largest_); }

 private:
  int highest_, largest_ = 0;  // scores: of the slowest, and the sum of the slowest `runs`
  double mean_ = 0, deviation_ = 0;
  std::vector<double> at_least_;  // by sum; empty: by the normal distribution
};

/// Both sides' distributions for a pair of numbers of runs.
struct RankDistributions {
  RankDistributions(int base, int candidate) : of_base(base, candidate), of_candidate(candidate, base) {}
  /// The smallest two-sided level at which these numbers can tell anything.
  double smallest_level() const;

  RankDistribution of_base, of_candidate;
};

/// The logarithm of candidate time over base time.
class Shift {
 public:
  /// Times in seconds, all > 0, at least one a side. `distributions` is of their numbers, and outlives this.
  Shift(std::span<const double> base, std::span<const double> candidate, const RankDistributions& distributions);

  double value() const { return value_; }
  /// Two-sided, of no change. Equal times count against a change.
  double p() const;
  /// Covers the true value with 1 - `level` at least; infinite to a side where so few runs tell nothing.
  std::array<double, 2> interval(double level) const;
  /// The standard error of value(), read off the interval of 90 %.
  double error() const;

 private:
  // Probability of scores as high as the candidate's when its times are divided by exp(shift), or as the base's then.
  // Equal times are taken in favour of the other side.
  double p_slower(double shift) const;
  double p_faster(double shift) const;

  std::vector<double> base_, candidate_;  // logarithms, sorted
  std::vector<double> differences_;       // of all pairs, sorted
  const RankDistributions* distributions_;
  double value_ = 0;
};

/// Standard normal: the probability of less than z, and the z with less than which is `probability`.
double normal_below(double z);
double normal_quantile(double probability);

}  // namespace dydit::compare
