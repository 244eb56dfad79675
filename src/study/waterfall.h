// SPDX-License-Identifier: Apache-2.0
// Where the time goes between the theoretical time of a dynamic model and its measured one.
#pragma once

#include <array>
#include <string_view>

namespace dydit::study {

/// Of the dense model's MACs.
struct MacShares {
  double executed = 0;  ///< rho
  double attention = 0,
         attention_left = 0;  ///< scores and mixing: in the dense model, and what is left of them
  double products = 0, products_left = 0;  ///< qkv, projection and MLP
  double routers = 0;
};

/// In seconds: medians over the blocks.
struct WaterfallTimes {
  double dense = 0;            ///< the dense model
  double cell = 0;             ///< the compact engine
  double without_routers = 0;  ///< the same, routers skipped
  struct Parts {
    double fixed = 0, attention = 0, products = 0;
  };
  Parts dense_parts, parts;  ///< each run by itself, at the dense model's shapes and at the cell's
  double routed = 0,
         together = 0;  ///< passes over routed tokens where they lie, and over as many that lie together
  double path = 0;      ///< the compact engine with everything on, routers skipped
  double path_fixed = 0, path_routed = 0;  ///< its parts
};

struct Bar {
  std::string_view metric;
  double seconds;
};

/// From the theoretical time, the first bar, to what is unexplained, the last one; they add up to the cell's
/// time. Every other bar is a difference of measured times; docs/dynamic.md derives them.
std::array<Bar, 8> waterfall(const MacShares& shares, const WaterfallTimes& times);

}  // namespace dydit::study
