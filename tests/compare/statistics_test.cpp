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

// Of all choices of so many scores, the share that adds up to `sum`.
static double counted(const std::vector<int>& scores, int chosen, int sum) {
  int all = 0, equal = 0;
  for (unsigned choice = 0; choice < 1U << scores.size(); ++choice) {
    if (std::popcount(choice) != chosen) continue;
    int of_choice = 0;
    for (std::size_t i = 0; i < scores.size(); ++i)
      if ((choice >> i & 1U) != 0) of_choice += scores[i];
    ++all;
    equal += of_choice == sum;
  }
  return static_cast<double>(equal) / all;
}

TEST_CASE("the distribution is that of all choices of scores") {
  for (const auto& [all, chosen] : {std::pair{1, 1}, {2, 1}, {6, 3}, {10, 4}, {11, 2}, {12, 7}, {14, 7}}) {
    INFO(chosen << " of " << all);
    Random random(0, Purpose::synthetic, static_cast<std::uint64_t>(all));
    std::vector<int> scores;
    for (int i = 0; i < all; ++i) scores.push_back(static_cast<int>(random.below(i < 2 ? 1 : 9)));
    const std::vector<double> distribution = distribution_of_sum(scores, static_cast<std::size_t>(chosen));
    double sum = 0;
    for (std::size_t s = 0; s < distribution.size(); ++s) {
      CHECK(distribution[s] == Approx(counted(scores, chosen, static_cast<int>(s))).margin(1e-12));
      sum += distribution[s];
    }
    CHECK(sum == Approx(1));
  }
}

// p of a candidate beside a base, each a row of numbers times which nothing matters.
static double p_of(const std::vector<double>& base, const std::vector<double>& candidate) {
  return Shift(base, candidate).p();
}

TEST_CASE("one side that is slower throughout is the rarest case, whatever the sizes") {
  for (const auto& [n, m] : {std::pair{3, 3}, {4, 20}, {20, 4}, {10, 10}, {2, 30}, {40, 40}}) {
    INFO(n << " and " << m);
    double choices = 1;
    for (int i = 1; i <= n; ++i) choices *= static_cast<double>(m + i) / i;
    const auto base = test::noisy(1, static_cast<std::size_t>(n), 1, 0.02),
               candidate = test::noisy(2, static_cast<std::size_t>(m), 1.4, 0.02);
    CHECK(smallest_level(base.size(), candidate.size()) == Approx(2 / choices));
    CHECK(p_of(base, candidate) == Approx(2 / choices));
    CHECK(p_of(candidate, base) == Approx(2 / choices));
  }
  CHECK(smallest_level(1, 1) == 1);
}

TEST_CASE("quantiles of the normal distribution") {
  CHECK(normal_below(1.959964) == Approx(0.975));
  CHECK(normal_below(-infinite) == 0);
  CHECK(normal_quantile(0.975) == Approx(1.959964));
  CHECK(normal_quantile(0.5) == Approx(0).margin(1e-12));
  CHECK(normal_quantile(0) == -infinite);
}

TEST_CASE("the shift is where both sides' scores are alike") {
  const std::vector<double> base{1, 2, 4}, candidate{3, 6, 12};
  CHECK(Shift(base, candidate).value() == Approx(std::log(3)));
  CHECK(Shift(candidate, base).value() == Approx(-std::log(3)));
  CHECK(Shift(base, base).value() == 0);
  for (std::uint64_t set = 0; set < 50; ++set) {  // in normal noise close to the difference of means
    const auto a = test::noisy(2 * set, 15, 1, 0.02), b = test::noisy(2 * set + 1, 15, 1.05, 0.02);
    double means = 0;
    for (std::size_t i = 0; i < a.size(); ++i) means += (std::log(b[i]) - std::log(a[i])) / 15;
    CHECK(Shift(a, b).value() == Approx(means).margin(0.01));
  }
}

TEST_CASE("how slow a disturbed run is says nothing, but for the order of such runs") {
  auto base = test::noisy(1, 10, 1, 0.01), candidate = test::noisy(2, 10, 1.05, 0.01);
  base[3] = 1.5, candidate[7] = 1.6;
  const Shift once(base, candidate);
  base[3] = 2, candidate[7] = 40;
  const Shift again(base, candidate);
  CHECK(once.p() == again.p());
  CHECK(once.value() == Approx(again.value()));
}

TEST_CASE("more runs of one side, disturbed ones among them, take nothing away") {
  std::vector<double> base;
  for (int i = 0; i < 110; ++i) base.push_back(i % 7 == 0 ? 1.5 : 1 + 0.01 * (i % 11 - 5) / 5);
  std::vector<double> candidate;
  for (int i = 0; i < 10; ++i) candidate.push_back(1.05 * (1 + 0.01 * (i % 11 - 5) / 5));
  const Shift shift(base, candidate);
  CHECK(shift.p() < 1e-3);
  CHECK(shift.value() == Approx(std::log(1.05)).margin(0.01));
}

TEST_CASE("a disturbed run hides a large change no more than a small one") {
  std::vector<double> base, small, large;
  for (int i = 0; i < 10; ++i) {
    base.push_back(i < 9 ? 1 + 1e-4 * i : 2);
    small.push_back(1.02 + 1e-4 * i);
    large.push_back(1.3 + 1e-4 * i);
  }
  CHECK(p_of(base, small) < 0.0017);
  CHECK(p_of(base, large) < 0.0017);
}

TEST_CASE("equal times are no faster than they are slower") {
  const std::vector<double> base(10, 1.0);
  std::vector<double> candidate(10, 1.0);
  std::fill(candidate.begin() + 5, candidate.end(), 1.02);
  CHECK(Shift(base, candidate).value() == Approx(-Shift(candidate, base).value()));
  CHECK(Shift(base, candidate).value() > 0.005);
}

TEST_CASE("p is of both sides, and that of equal sides 1") {
  const std::vector<double> base{1, 2, 3, 4};
  CHECK(p_of(base, {5, 6, 7, 8}) == Approx(2 / 70.0));
  CHECK(p_of(base, {.1, .2, .3, .4}) == Approx(2 / 70.0));
  CHECK(p_of(base, {3.5, 6, 7, 8}) == Approx(4 / 70.0));
  CHECK(p_of(base, base) == 1);
  CHECK(p_of({1, 1, 1}, {1, 1, 1}) == 1);
  CHECK(p_of({1, 1, 1, 2}, {1, 1, 1, 1}) == Approx(1));
  CHECK(p_of({1, 1, 1}, {2, 2, 2}) == Approx(0.1));
  CHECK(p_of({1}, {2}) == Approx(1));
  CHECK(p_of(std::vector<double>(100, 1), std::vector<double>(100, 1)) == Approx(1));
  CHECK(p_of(test::noisy(1, 100, 1, 0.01), test::noisy(2, 100, 1.1, 0.01)) < 1e-12);
  // The same to any unit, and the other way round.
  const auto a = test::noisy(1, 9, 1, 0.05), b = test::noisy(2, 7, 1.03, 0.05);
  std::vector<double> scaled_a, scaled_b;
  for (const double time : a) scaled_a.push_back(1e-9 * time);
  for (const double time : b) scaled_b.push_back(1e-9 * time);
  CHECK(p_of(scaled_a, scaled_b) == Approx(p_of(a, b)));
  CHECK(p_of(b, a) == Approx(p_of(a, b)));
}

TEST_CASE("where nothing changed p is at most any level as often as that says") {
  constexpr int sets = 4000;
  // The last ones are so many that the normal distribution stands for the exact one.
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{10, 10}, {5, 9}, {5, 200}, {65, 70}}) {
    INFO(n << " and " << m);
    int below_tenth = 0, below_hundredth = 0;
    for (std::uint64_t set = 0; set < sets; ++set) {
      std::vector<double> base = test::noisy(2 * set, n, 1, 0.3), candidate = test::noisy(2 * set + 1, m, 1, 0.3);
      for (std::vector<double>* times : {&base, &candidate})
        for (double& time : *times) time = std::exp(4 * time * time);  // skewed, with a heavy tail
      const double p = p_of(base, candidate);
      below_tenth += p <= 0.1;
      below_hundredth += p <= 0.01;
    }
    CHECK(below_tenth <= 0.1 * sets + 3 * std::sqrt(0.09 * sets));
    CHECK(below_tenth >= 0.08 * sets);
    CHECK(below_hundredth <= 0.01 * sets + 3 * std::sqrt(0.0099 * sets));
    CHECK(below_hundredth >= 0.004 * sets);
  }
}

TEST_CASE("the interval excludes no change exactly where p is at most its level") {
  int excluded = 0, tied = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed, Purpose::synthetic, 1);
    const std::size_t n = 1 + random.below(12), m = 1 + random.below(12);
    // Few different values, so that there are ties, and shifts of all sizes.
    const std::uint64_t shift = random.below(8);
    std::vector<double> base, candidate;
    for (std::size_t i = 0; i < n; ++i) base.push_back(10 + static_cast<double>(random.below(10)));
    for (std::size_t i = 0; i < m; ++i) candidate.push_back(10 + static_cast<double>(random.below(10) + shift));
    const Shift found(base, candidate);
    tied += std::ranges::find_first_of(base, candidate) != base.end();
    for (const double level : {0.5, 0.1, 0.05, 0.01, 1e-4, std::min(found.p(), 0.5)}) {
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

TEST_CASE("so few runs tell nothing at a level that they cannot reach") {
  const Shift shift(std::vector<double>{1, 2, 3}, std::vector<double>{100, 200, 300});
  CHECK(shift.interval(0.05) == std::array{-infinite, infinite});
  const auto [low, high] = shift.interval(0.1);
  CHECK(low == Approx(std::log(100 / 3.0)).epsilon(0.05));
  CHECK(high == Approx(std::log(300)).epsilon(0.05));
  CHECK(std::isfinite(shift.error()));
  CHECK(Shift(std::vector<double>{1}, std::vector<double>{100}).error() == infinite);
}

TEST_CASE("within a limit lies what the interval lies in") {
  int is = 0, is_not = 0;
  for (std::uint64_t set = 0; set < 200; ++set) {
    const Shift shift(test::noisy(2 * set, 8, 1, 0.02), test::noisy(2 * set + 1, 8, 1.01, 0.02));
    const auto [low, high] = shift.interval(0.1);
    for (const double limit : {0.005, 0.01, 0.02, 0.03, 0.05}) {
      if (std::abs(limit - std::max(-low, high)) < 1e-3 * (high - low)) continue;  // the ends are no more precise
      CHECK(shift.within(limit, 0.1) == (low > -limit && high < limit));
      (shift.within(limit, 0.1) ? is : is_not)++;
    }
  }
  CHECK((is > 100 && is_not > 100));
}

TEST_CASE("intervals cover the true shift as often as they say, also where the noise is skewed") {
  constexpr int sets = 2000;
  for (const bool skewed : {false, true}) {
    int covered = 0;
    for (std::uint64_t set = 0; set < sets; ++set) {
      std::vector<double> base = test::noisy(2 * set, 8, 1, 0.3), candidate = test::noisy(2 * set + 1, 8, 1, 0.3);
      if (skewed)
        for (std::vector<double>* times : {&base, &candidate})
          for (double& time : *times) time = std::exp(time * time);
      for (double& time : candidate) time *= 1.05;
      const auto [low, high] = Shift(base, candidate).interval(0.1);
      covered += low <= std::log(1.05) && std::log(1.05) <= high;
    }
    CHECK(std::abs(covered - 0.9 * sets) < 3 * std::sqrt(sets * 0.9 * 0.1) + 0.005 * sets);
  }
}

TEST_CASE("the standard error is that of normal noise") {
  double sum = 0;
  for (std::uint64_t set = 0; set < 200; ++set)
    sum += Shift(test::noisy(2 * set, 15, 1, 0.02), test::noisy(2 * set + 1, 15, 1, 0.02)).error();
  // A little more than by means.
  CHECK(sum / 200 == Approx(0.02 * std::sqrt(2 / 15.0 * 1.1)).epsilon(0.1));
}
