// SPDX-License-Identifier: Apache-2.0
#include "base/tiles.h"

#include "base/random.h"
#include "catch.h"

using dydit::tile_tops;
using Places = std::vector<std::size_t>;

TEST_CASE("a number of units goes up to the last one that costs no more time") {
  CHECK(tile_tops({}).empty());
  CHECK(tile_tops({3}) == Places{0});
  CHECK(tile_tops({1, 2, 3, 4}) == Places{0, 1, 2, 3});                    // each costs time
  CHECK(tile_tops({5, 5, 5, 5}) == Places{3, 3, 3, 3});                    // none does
  CHECK(tile_tops({1, 1, 2, 2, 2, 3}) == Places{1, 1, 4, 4, 4, 5});        // a staircase
  CHECK(tile_tops({1, 1.009, 2, 2.009, 1.995}) == Places{1, 1, 4, 4, 4});  // noise below the tolerance
  CHECK(tile_tops({1, 1.02}) == Places{0, 1});
  CHECK(tile_tops({1, 1.02}, .02) == Places{1, 1});
}

TEST_CASE("a number that takes longer than a larger one goes up to that") {
  CHECK(tile_tops({1, 4, 3, 5}) == Places{0, 2, 2, 3});
  CHECK(tile_tops({4, 3, 2}) == Places{2, 2, 2});
}

TEST_CASE("small steps do not add up within a tile, and tops are their own") {
  CHECK(tile_tops({1, 1.006, 1.012, 1.018, 1.024}) == Places{0, 2, 2, 4, 4});
  dydit::Random random(4, dydit::Purpose::synthetic, 0);
  for (int run = 0; run < 200; ++run) {
    std::vector<double> seconds;
    for (int i = 0; i < 12; ++i) seconds.push_back(1 + static_cast<double>(random.below(40)) / 400);
    const Places tops = tile_tops(seconds);
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      REQUIRE(tops[i] >= i);
      REQUIRE(tops[tops[i]] == tops[i]);
      REQUIRE(seconds[tops[i]] <= 1.01 * seconds[i] * (1 + 1e-12));
    }
  }
}
