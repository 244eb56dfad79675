// SPDX-License-Identifier: Apache-2.0
// What two sets of process runs say of a ratio of times, whatever the distribution of their noise: the test of Wilcoxon
// (1945) and Mann & Whitney (1947) and the interval that it gives (Hodges & Lehmann 1963). A run that something else
// disturbed is one rank, however slow it was.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace dydit::compare {

/// Of Mann and Whitney's U, for `n` runs of one side and `m` of the other, when nothing changed: exact for up to 10,000
/// pairs, beyond that by the normal distribution.
class RankDistribution {
 public:
  RankDistribution(int n, int m);

  /// Probability of `pairs` or fewer.
  double at_most(int pairs) const;
  /// The most pairs with 2 at_most(pairs) <= level; -1 where none are: so few runs tell nothing at that level.
  int critical(double level) const;

 private:
  int n_, m_;
  std::vector<double> below_;  // at_most(i); empty: by the normal distribution
};

/// The logarithm of candidate time over base time.
class Shift {
 public:
  /// Times in seconds, all > 0, at least one a side. `distribution` is that of their numbers, and outlives this.
  Shift(std::span<const double> base, std::span<const double> candidate, const RankDistribution& distribution);

  double value() const;  ///< median of the differences of all pairs
  /// Two-sided, of no change. Equal times count against a change.
  double p() const;
  /// Covers the true value with 1 - `level`; infinite where so few runs tell nothing.
  std::array<double, 2> interval(double level) const;
  /// The standard error of value(), read off the interval of 90 %.
  double error() const;

 private:
  std::vector<double> differences_;  // of all pairs, sorted
  const RankDistribution* distribution_;
};

/// Standard normal: the probability of less than z, and the z with less than which is `probability`.
double normal_below(double z);
double normal_quantile(double probability);

}  // namespace dydit::compare
