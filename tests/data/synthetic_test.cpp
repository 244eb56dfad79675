// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "catch.h"
#include "data_files.h"

using namespace dydit::data;
using namespace dydit::test;

TEST_CASE("synthetic images depend on seed and index alone") {
  const auto set = open_dataset("synthetic:20", {.size = 16}, 3),
             longer = open_dataset("synthetic:50", {.size = 16}, 3);
  const auto other = open_dataset("synthetic:20", {.size = 16}, 4);
  CHECK(set->size() == 20);
  CHECK(set->classes() == 10);
  CHECK(set->label(13) == 3);
  CHECK(read_sample(*set, 13) == read_sample(*longer, 13));
  CHECK(read_sample(*set, 13) != read_sample(*other, 13));
  CHECK(read_sample(*set, 13) != read_sample(*set, 3));
  CHECK(set->hash() != other->hash());
}

TEST_CASE("synthetic images are smooth, within [-1, 1], and mirrored by a flip") {
  const auto set = open_dataset("synthetic:100", {.size = 32}, 0);
  for (std::int64_t index = 0; index < 100; ++index) {
    const auto image = read_sample(*set, index), mirrored = read_sample(*set, index, true);
    REQUIRE(std::ranges::all_of(image, [](float value) { return std::abs(value) <= 1; }));
    for (std::size_t i = 0; i < image.size(); ++i) {
      REQUIRE(mirrored[i / 32 * 32 + 31 - i % 32] == image[i]);
      if (i % 32 != 0) REQUIRE(std::abs(image[i] - image[i - 1]) < 0.25F);
    }
  }
}

TEST_CASE("a synthetic set needs a positive number of images that can be shuffled") {
  for (const char* path : {"synthetic:", "synthetic:0", "synthetic:-3", "synthetic:7x", "synthetic:100000001"})
    CHECK_THROWS_AS(open_dataset(path, {.size = 16}), dydit::UsageError);
}
