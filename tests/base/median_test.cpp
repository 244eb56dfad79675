// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "base/median.h"
#include "base/random.h"
#include "catch.h"

using dydit::median_of;

TEST_CASE("a median of 15 samples lies between the fourth and the twelfth") {
  const auto median = median_of({7, 15, 3, 11, 1, 9, 14, 2, 12, 5, 10, 4, 13, 6, 8});
  CHECK(median.value == 8);
  CHECK(median.low == 4);  // 2 P(Binomial(15, 1/2) <= 3) = 3.5 %; with 4 it would be 11.8 %
  CHECK(median.high == 12);
}

TEST_CASE("six samples are the fewest that have an interval, and it is all of them") {
  CHECK(median_of({6, 1, 2, 5, 4, 3}).value == 3.5);
  CHECK(median_of({6, 1, 2, 5, 4, 3}).low == 1);
  CHECK(median_of({6, 1, 2, 5, 4, 3}).high == 6);
  CHECK(median_of({5, 1, 2, 4, 3}).value == 3);
  CHECK(std::isnan(median_of({5, 1, 2, 4, 3}).low));
  CHECK(std::isnan(median_of({}).value));
}

TEST_CASE("the interval of 100 samples is the published one") {
  std::vector<double> samples;
  for (int i = 1; i <= 100; ++i) samples.push_back(i);
  CHECK(median_of(samples).low == 40);  // order statistics 40 and 61 cover 96.5 %
  CHECK(median_of(samples).high == 61);
}

TEST_CASE("thousands of samples have an interval, as wide as by the normal distribution") {
  std::vector<double> samples;
  for (int i = 1; i <= 5000; ++i) samples.push_back(i);
  CHECK(median_of(samples).value == 2500.5);
  CHECK(median_of(samples).low == 2431);
  CHECK(median_of(samples).high == 5000 - 2430);
}

TEST_CASE("the interval holds the median of the distribution at least as often as it says, whatever that is") {
  constexpr int experiments = 2000;
  const auto skewed = [](double u) { return -std::log(1 - u); };
  const auto with_jumps = [](double u) { return u < 0.8 ? u : 10 * u; };
  const auto heavy = [](double u) { return std::tan(3.14159265 * (u - 0.5)); };
  const auto coverage = [&](const auto& quantile, int samples) {
    int covered = 0;
    for (int experiment = 0; experiment < experiments; ++experiment) {
      dydit::Random random(2, dydit::Purpose::synthetic, static_cast<std::uint64_t>(experiment));
      std::vector<double> drawn;
      for (int i = 0; i < samples; ++i) drawn.push_back(quantile(static_cast<double>(random.uniform())));
      const auto median = median_of(drawn);
      covered += median.low <= quantile(0.5) && quantile(0.5) <= median.high;
    }
    return static_cast<double>(covered) / experiments;
  };
  for (const int samples : {6, 15, 40}) {
    INFO(samples);
    for (const double share : {coverage(skewed, samples), coverage(with_jumps, samples), coverage(heavy, samples)}) {
      CHECK(share >= 0.94);  // two standard errors below .95
      CHECK(share <= 0.985);
    }
  }
}
