// SPDX-License-Identifier: Apache-2.0
#include "waterfall.h"

namespace dydit::study {

std::array<Bar, 8> waterfall(const MacShares& shares, const WaterfallTimes& t) {
  const double kept = shares.products_left / shares.products;
  // What fixed parts and attention take of the dense time beyond their share of MACs, its products take less;
  // as those shrink, so does what the theory leaves for the others.
  const double fixed_share = (1 - shares.attention - shares.products) * t.dense;
  const double attention_share = shares.attention * t.dense, attention_left = shares.attention_left * t.dense;
  std::array<Bar, 8> bars{{
      {"theoretical_time", shares.executed * t.dense},
      {"lost_to_fixed", t.parts.fixed - fixed_share - kept * (t.dense_parts.fixed - fixed_share)},
      {"lost_to_attention",
       t.parts.attention - attention_left - kept * (t.dense_parts.attention - attention_share)},
      {"lost_to_narrow", t.parts.products - kept * t.dense_parts.products},
      {"lost_to_gather", t.routed - t.together},
      {"lost_to_path", t.path - t.dense - (t.path_fixed - t.dense_parts.fixed) - t.path_routed},
      {"lost_to_routers", t.cell - t.without_routers - shares.routers * t.dense},
      {"unexplained", t.cell},
  }};
  for (std::size_t i = 0; i + 1 < bars.size(); ++i) bars.back().seconds -= bars[i].seconds;
  return bars;
}

}  // namespace dydit::study
