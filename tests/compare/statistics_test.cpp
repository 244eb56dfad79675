// SPDX-License-Identifier: Apache-2.0
#include "compare/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "catch.h"
#include "made_up_sides.h"

using namespace dydit;
using namespace dydit::compare;

constexpr double infinite = std::numeric_limits<double>::infinity();

// Of all choices of `runs` ranks, the share whose scores add up to `sum` or more.
static double counted(const RankDistribution& distribution, int runs, int others, int sum) {
  int all = 0, high = 0;
  for (unsigned chosen = 0; chosen < 1U << (runs + others); ++chosen) {
    if (std::popcount(chosen) != runs) continue;
    int scores = 0;
    for (int rank = 1; rank <= runs + others; ++rank)
      if ((chosen >> (rank - 1) & 1U) != 0) scores += distribution.score(rank);
    ++all;
    high += scores >= sum;
  }
  return static_cast<double>(high) / all;
}

TEST_CASE("the distribution is that of all choices of ranks") {
  for (const auto& [runs, others] : {std::pair{1, 1}, {3, 3}, {4, 6}, {7, 5}, {2, 9}, {8, 8}}) {
    INFO(runs << " and " << others);
    const RankDistribution distribution(runs, others);
    for (int sum = 0; sum <= runs * (runs + others) + 1; ++sum)
      CHECK(distribution.at_least(sum) == Approx(counted(distribution, runs, others, sum)).margin(1e-12));
  }
}

TEST_CASE("the slowest third of all runs has one score") {
  const RankDistribution distribution(10, 10);
  CHECK(distribution.score(1) == 1);
  CHECK(distribution.score(13) == 13);
  CHECK(distribution.score(14) == 14);
  CHECK(distribution.score(20) == 14);
  // No more of them than that complete separation stays what it is.
  for (const auto& [runs, others] : {std::pair{3, 3}, {4, 20}, {20, 4}, {10, 10}, {40, 40}}) {
    double orders = 1;
    for (int i = 1; i <= runs; ++i) orders *= static_cast<double>(others + i) / i;
    CHECK(RankDistribution(runs, others).smallest() == Approx(1 / orders));
  }
}

TEST_CASE("beyond 120 runs the normal distribution stands for the exact one, which it is close to") {
  const RankDistribution exact(60, 60), normal(61, 60);
  const double scale = std::sqrt(60.0 * 60 * 121 / 12);
  for (double z = -3; z <= 3; z += 0.25)
    CHECK(exact.at_least(static_cast<int>(exact.mean() + z * scale)) ==
          Approx(normal.at_least(static_cast<int>(normal.mean() + z * scale))).margin(0.01));
}

TEST_CASE("quantiles of the normal distribution") {
  CHECK(normal_below(1.959964) == Approx(0.975));
  CHECK(normal_below(-infinite) == 0);
  CHECK(normal_quantile(0.975) == Approx(1.959964));
  CHECK(normal_quantile(0.5) == Approx(0).margin(1e-12));
  CHECK(normal_quantile(0) == -infinite);
}

TEST_CASE("the shift is the median of all differences") {
  const RankDistributions three(3, 3), two(2, 2);
  const std::vector<double> base{1, 2, 4}, candidate{3, 6, 12};
  CHECK(Shift(base, candidate, three).value() == Approx(std::log(3)));
  CHECK(Shift(candidate, base, three).value() == Approx(-std::log(3)));
  CHECK(Shift(base, base, three).value() == 0);
  // Differences 1, 2, 3, 4 in an even number.
  const double e = std::exp(1);
  CHECK(Shift(std::vector{1.0, 1 / e}, std::vector{e, e * e * e}, two).value() == Approx(2.5));
  // A disturbed run, however slow, is one rank.
  CHECK(Shift(base, std::vector<double>{3, 6, 1e9}, three).value() == Approx(std::log(3)));
}

TEST_CASE("p is of both sides, and equal times count against a change") {
  const RankDistributions distribution(4, 4);
  const std::vector<double> base{1, 2, 3, 4};
  const auto p = [&](const std::vector<double>& candidate) { return Shift(base, candidate, distribution).p(); };
  CHECK(p({5, 6, 7, 8}) == Approx(2 / 70.0));
  CHECK(p({.1, .2, .3, .4}) == Approx(2 / 70.0));
  CHECK(p({3.5, 6, 7, 8}) == Approx(4 / 70.0));
  CHECK(p({4, 6, 7, 8}) == Approx(4 / 70.0));  // the pair of equals as if it were against it
  CHECK(p(base) == 1);
  CHECK(p({2, 2, 2, 2}) == 1);
}

TEST_CASE("the interval excludes no change exactly where p is at most its level") {
  int excluded = 0, tied = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed, Purpose::synthetic, 1);
    const std::size_t n = 1 + random.below(12), m = 1 + random.below(12);
    const RankDistributions distribution(static_cast<int>(n), static_cast<int>(m));
    // Few different values, so that there are ties, and shifts of all sizes.
    const std::uint64_t shift = random.below(8);
    std::vector<double> base, candidate;
    for (std::size_t i = 0; i < n; ++i) base.push_back(10 + static_cast<double>(random.below(10)));
    for (std::size_t i = 0; i < m; ++i) candidate.push_back(10 + static_cast<double>(random.below(10) + shift));
    const Shift found(base, candidate, distribution);
    tied += std::ranges::find_first_of(base, candidate) != base.end();
    for (const double level : {0.5, 0.1, 0.05, 0.01, 1e-4, std::min(found.p(), 0.99)}) {
      const auto [low, high] = found.interval(level);
      REQUIRE(low <= high);
      REQUIRE((low > 0 || high < 0) == (found.p() <= level));
      REQUIRE((low <= found.value() && found.value() <= high));
      excluded += low > 0 || high < 0;
    }
  }
  CHECK(tied > 100);
  CHECK(excluded > 100);
}

TEST_CASE("so few runs tell nothing at a level that their ranks cannot reach") {
  const RankDistributions distribution(3, 3);
  const Shift shift(std::vector<double>{1, 2, 3}, std::vector<double>{100, 200, 300}, distribution);
  CHECK(shift.interval(0.05) == std::array{-infinite, infinite});
  CHECK(shift.interval(0.1) == std::array{std::log(100 / 3.0), std::log(300)});
  CHECK(std::isfinite(shift.error()));
  const RankDistributions one(1, 1);
  CHECK(Shift(std::vector<double>{1}, std::vector<double>{100}, one).error() == infinite);
}

TEST_CASE("intervals cover the true shift as often as they say, also where the noise is skewed") {
  constexpr int sets = 2000;
  const RankDistributions distribution(8, 8);
  double outside = 0;  // the largest probability below half the level
  for (int sum = 200; distribution.of_base.at_least(sum) <= 0.05; --sum) outside = distribution.of_base.at_least(sum);
  for (const bool skewed : {false, true}) {
    int covered = 0;
    for (std::uint64_t set = 0; set < sets; ++set) {
      std::vector<double> base = test::noisy(2 * set, 8, 1, 0.3), candidate = test::noisy(2 * set + 1, 8, 1, 0.3);
      if (skewed)
        for (std::vector<double>* times : {&base, &candidate})
          for (double& time : *times) time = std::exp(time * time);
      for (double& time : candidate) time *= 1.05;
      const auto [low, high] = Shift(base, candidate, distribution).interval(0.1);
      covered += low <= std::log(1.05) && std::log(1.05) <= high;
    }
    const double expected = 1 - 2 * outside;
    CHECK(expected >= 0.9);
    CHECK(std::abs(covered - expected * sets) < 3 * std::sqrt(sets * expected * (1 - expected)));
  }
}

TEST_CASE("the standard error is that of normal noise") {
  const RankDistributions distribution(15, 15);
  double sum = 0;
  for (std::uint64_t set = 0; set < 200; ++set)
    sum += Shift(test::noisy(2 * set, 15, 1, 0.02), test::noisy(2 * set + 1, 15, 1, 0.02), distribution).error();
  // By ranks a little more than by means: pi / 3 of the variance.
  CHECK(sum / 200 == Approx(0.02 * std::sqrt(2 / 15.0 * 3.1416 / 3)).epsilon(0.15));
}
