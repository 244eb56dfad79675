// SPDX-License-Identifier: Apache-2.0
#include "base/tiles.h"

#include <algorithm>

namespace dydit {

std::vector<std::size_t> tile_tops(const std::vector<double>& seconds, double tolerance) {
  std::vector<std::size_t> tops(seconds.size());
  double least = 0, of_top = 0;
  for (std::size_t i = seconds.size(); i-- > 0;) {
    const bool last = i + 1 == seconds.size();
    least = last ? seconds[i] : std::min(seconds[i], least);
    const bool top = last || !(of_top <= (1 + tolerance) * least);
    tops[i] = top ? i : tops[i + 1];
    if (top) of_top = least;
  }
  return tops;
}

}  // namespace dydit
