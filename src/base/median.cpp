// SPDX-License-Identifier: Apache-2.0
#include "base/median.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dydit {

// How many samples may lie outside on either side: the largest k with P(fewer than k of n on one side) <= 2.5 %,
// each sample being on either side with probability one half.
static std::size_t outside(std::size_t n) {
  const auto count = static_cast<double>(n);
  // By its logarithm: 0.5 to the power of many samples is zero.
  double log_probability = count * std::log(0.5), sum = std::exp(log_probability);
  std::size_t k = 0;
  while (sum <= 0.025) {
    ++k;
    log_probability += std::log((count - static_cast<double>(k) + 1) / static_cast<double>(k));
    sum += std::exp(log_probability);
  }
  return k;
}

Median median_of(std::vector<double> samples) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const std::size_t n = samples.size();
  if (n == 0) return {none, none, none};
  std::sort(samples.begin(), samples.end());
  Median median{(samples[(n - 1) / 2] + samples[n / 2]) / 2, none, none};
  if (const std::size_t k = outside(n); k > 0) {
    median.low = samples[k - 1];
    median.high = samples[n - k];
  }
  return median;
}

}  // namespace dydit
