// SPDX-License-Identifier: Apache-2.0
// Means with bootstrap intervals over images, and how unevenly a loss is spread over tokens.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace dydit::analysis {

/// In the place of a number that was not measured.
inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// A mean with its 95 % interval; the bounds are NaN where there is no interval (a single image).
struct Interval {
  double mean, low, high;

  bool clear_of_zero() const { return low > 0 || high < 0; }
  double half_width() const { return (high - low) / 2; }
};
inline bool smaller(const Interval& a, const Interval& b) { return a.mean < b.mean; }
inline constexpr Interval no_interval{missing, missing, missing};

inline Interval times(double factor, const Interval& o) {
  const double low = factor * o.low, high = factor * o.high;
  return factor < 0 ? Interval{factor * o.mean, high, low} : Interval{factor * o.mean, low, high};
}

/// Of sorted values, at least one, linear between them.
double percentile(std::span<const double> sorted, double fraction);

/// The mean of each column of `values` (N images, K) with its percentile bootstrap interval (Efron 1979):
/// replicate r draws N images with replacement as Random(seed, Purpose::bootstrap, r) says, the same for
/// every column, so columns stay paired; the interval goes from the 2.5th to the 97.5th percentile of the
/// replicates' means. It covers slightly less than 95 % for few images (about 91 % for N = 20).
/// Throws InputError when there is no image.
std::vector<Interval> bootstrap_means(const Eigen::MatrixXd& values, std::uint64_t seed, int replicates = 2000);

/// How unevenly a positive quantity is spread over N tokens.
struct Concentration {
  double gini;           ///< Gini coefficient: 0 even, (N - 1)/N when one token has everything
  double hardest_share;  ///< share of the total in the fifth of the tokens that has most: 0.2 even, at most 1
};

/// The fifth is counted along the Lorenz curve, so a part of a token counts as that part. All zero is even;
/// what is not finite gives NaN.
Concentration concentration(std::vector<double> tokens);

/// What chance alone makes of equally hard tokens when each is a mean of `count` squares of independent
/// standard normals: the concentration of a chi-squared distribution with `count` degrees of freedom.
Concentration chance_concentration(std::int64_t count);

/// Means of `map` (height, width) over patch x patch squares, row by row. Throws InputError when the
/// patch does not divide the map.
std::vector<double> token_means(std::span<const float> map, std::int64_t height, std::int64_t width,
                                std::int64_t patch);

}  // namespace dydit::analysis
