// SPDX-License-Identifier: Apache-2.0
// What two sets of process runs say of a ratio of times, whatever the distribution of their noise: a permutation test
// (Fisher 1935) of the sums of clipped logarithms of times, and the estimate and interval that belong to it. What lies
// far from the median of all runs counts almost as if it lay at an edge: a disturbed run says little more than that it
// is slow. On timings that finds more than tests of ranks or of means (bench/verdicts).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace dydit::compare {

/// The logarithm of candidate time over base time.
class Shift {
 public:
  /// Times in seconds, all > 0, at least one a side.
  Shift(std::span<const double> base, std::span<const double> candidate);

  double value() const { return value_; }
  /// Two-sided, of no change.
  double p() const;
  /// The shifts about value() that the test does not reject: covers the true value with 1 - `level`, its ends to less
  /// than a hundredth of its width; infinite to a side where so few runs tell nothing. Excludes 0 exactly where p() <=
  /// level.
  std::array<double, 2> interval(double level) const;
  /// Whether the true value lies within +-limit, to `level` of an interval of 1 - level (two one-sided tests).
  bool within(double limit, double level) const;
  /// The standard error of value(), read off the interval of 90 %.
  double error() const;

 private:
  // Probability, when nothing changed but by `shift`, of a candidate as slow as this one or slower, and as fast or
  // faster.
  struct Tails {
    double slower, faster;
  };
  const Tails& tails(double shift) const;
  std::size_t fewer() const { return std::min(base_.size(), candidate_.size()); }  // runs of the smaller side
  double excess(double shift) const;
  double end(double level, bool low) const;
  std::vector<double> centred(double shift) const;
  double edge_of(const std::vector<double>& centred) const;
  std::vector<double> scores(double shift) const;

  std::vector<double> base_, candidate_;  // logarithms
  double least_, most_;                   // differences beyond these separate the sides
  double value_ = 0, normal_error_;       // the error in normal noise, by what lies in the middle
  mutable std::map<double, Tails> known_;
};

/// Below this two-sided level so many runs tell nothing: that of one choice of all.
double smallest_level(std::size_t base, std::size_t candidate);

/// Of the sum of `chosen` of the scores, chosen by chance: [s] is the probability of s. Scores are >= 0.
std::vector<double> distribution_of_sum(std::span<const int> scores, std::size_t chosen);

/// Standard normal: the probability of less than z, and the z with less than which is `probability`.
double normal_below(double z);
double normal_quantile(double probability);

}  // namespace dydit::compare
