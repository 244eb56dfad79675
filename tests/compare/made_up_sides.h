// SPDX-License-Identifier: Apache-2.0
// Results of process runs that never were.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "compare/results.h"

namespace dydit::test {

/// A benchmark with fewer times than another is missing in the last runs.
inline compare::Results side_of(const std::map<std::string, std::vector<double>>& times) {
  compare::Results side{.path = "side", .runs = {}, .notes = {}};
  for (const auto& [name, seconds] : times)
    for (std::size_t run = 0; run < seconds.size(); ++run) {
      if (run == side.runs.size()) side.runs.emplace_back();
      side.runs[run][name].seconds = seconds[run];
    }
  return side;
}

/// `runs` times around `seconds`: the logarithm of each varies by `spread`.
inline std::vector<double> noisy(std::uint64_t seed, std::size_t runs, double seconds, double spread) {
  std::vector<float> normal(runs);
  Random(seed, Purpose::synthetic, 0).fill_normal(normal);
  std::vector<double> times;
  for (const float z : normal) times.push_back(seconds * std::exp(spread * static_cast<double>(z)));
  return times;
}

}  // namespace dydit::test
