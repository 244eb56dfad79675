// SPDX-License-Identifier: Apache-2.0
// Which timesteps a training sees.
#include <algorithm>
#include <array>
#include <set>

#include "catch.h"
#include "train/train.h"

namespace {

std::int64_t timestep_of(std::uint64_t seed, std::int64_t strata, std::int64_t position, std::int64_t image,
                         std::int64_t epoch) {
  static const auto process = dydit::diffusion::process_of({}, /*learn_sigma=*/true, torch::kCPU);
  return static_cast<std::int64_t>(dydit::train::time_of(*process, seed, strata, position, image, epoch));
}

}  // namespace

TEST_CASE("every batch has as many timesteps of one quarter as of another, or one more") {
  constexpr std::int64_t batch = 7, strata = 4, quarter = 250;
  std::array<int, strata> total{};
  for (std::int64_t step = 0; step < 8; ++step) {
    std::array<int, strata> counts{};
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto t = timestep_of(1, strata, step * batch + i, (step * batch + i) * 29 % 53, 2);
      REQUIRE((t >= 0 && t < strata * quarter));
      ++counts[static_cast<std::size_t>(t / quarter)];
    }
    CAPTURE(step, counts);
    const auto [least, most] = std::ranges::minmax(counts);
    CHECK(least == 1);
    CHECK(most == 2);
    for (std::size_t i = 0; i < strata; ++i) total[i] += counts[i];
  }
  CHECK(total == std::array{14, 14, 14, 14});
}

TEST_CASE("the timesteps of a stratum are all of it, and those of images and epochs differ") {
  const std::int64_t strata = GENERATE(1, 3, 1000);
  CAPTURE(strata);
  std::int64_t next = 0;
  for (std::int64_t stratum = 0; stratum < strata; ++stratum) {
    std::set<std::int64_t> seen;
    for (std::int64_t image = 0; image < (strata == 1000 ? 1 : 12'000); ++image)
      seen.insert(timestep_of(1, strata, stratum + strata * image, image, 0));
    REQUIRE(*seen.begin() == next);
    REQUIRE(*seen.rbegin() - *seen.begin() + 1 == static_cast<std::int64_t>(seen.size()));
    next = *seen.rbegin() + 1;
  }
  CHECK(next == 1000);
  CHECK(timestep_of(1, 1, 0, 5, 0) != timestep_of(1, 1, 0, 6, 0));
  CHECK(timestep_of(1, 1, 0, 5, 0) != timestep_of(1, 1, 0, 5, 1));
  CHECK(timestep_of(1, 1, 0, 5, 0) != timestep_of(2, 1, 0, 5, 0));
  CHECK(timestep_of(1, 1, 0, 5, 0) == timestep_of(1, 1, 9, 5, 0));
}
