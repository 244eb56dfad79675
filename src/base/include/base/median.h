// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace dydit {

/// A median with an interval that covers the true one with at least 95 %, whatever the distribution: two of the
/// sorted samples (David & Nagaraja, "Order Statistics", 2003, section 7.1). The bounds are NaN for fewer than six.
struct Median {
  double value, low, high;
};

/// NaN throughout without samples.
Median median_of(std::vector<double> samples);

}  // namespace dydit
