// SPDX-License-Identifier: Apache-2.0
#include "compare/sequential.h"

#include <algorithm>
#include <cmath>

#include "catch.h"
#include "compare/statistics.h"
#include "made_up_sides.h"

using namespace dydit;
using namespace dydit::compare;

// The first so many runs.
static Results first(const Results& all, int runs) {
  return {.path = all.path, .runs = {all.runs.begin(), all.runs.begin() + runs}, .notes = {}};
}

static std::vector<int> looks(int most) {
  Sequential sequential({}, most);
  std::vector<int> runs;
  while (sequential.next() > 0 && runs.size() < 100) {
    runs.push_back(sequential.next());
    const Results side = test::side_of({{"a", std::vector<double>(static_cast<std::size_t>(runs.back()), 1.0)}});
    sequential.look(side, side);
  }
  return runs;
}

TEST_CASE("looks lie at 10 runs, half as many more, and so on up to the most") {
  CHECK(looks(40) == std::vector{10, 15, 23, 34, 40});
  CHECK(looks(7) == std::vector{7});
  CHECK(looks(3) == std::vector{3});
  CHECK(looks(10) == std::vector{10});
  CHECK(looks(11) == std::vector{10, 11});
  CHECK(looks(100) == std::vector{10, 15, 23, 34, 51, 76, 100});
}

// Between which levels a benchmark's interval lies: a change to just below its lower end is told, to just above not.
static std::array<double, 2> level_of(const Compared& one) {
  const auto p_at = [&](double ratio) {
    std::vector<double> changed = one.base;
    for (double& time : changed) time *= ratio;
    return Shift(changed, one.candidate).p();
  };
  const double low = one.interval.value()[0];
  return {p_at(low * (1 - 1e-3)), p_at(low * (1 + 1e-3))};
}

TEST_CASE("the looks' shares of the errors sum to one") {
  const Results base = test::side_of({{"a", test::noisy(11, 40, 1, 0.1)}}),
                candidate = test::side_of({{"a", test::noisy(12, 40, 1, 0.1)}});
  const Rule rule{.alarms = 0.2};
  Sequential sequential(rule, 40);
  double least = 0, most = 0, before = 0;
  while (const int runs = sequential.next()) {
    sequential.look(first(base, runs), first(candidate, runs));
    const Compared& one = sequential.comparison().benchmarks.front();
    REQUIRE(one.verdict == Verdict::cannot_tell);
    const auto [low, high] = level_of(one);
    const double share = runs * runs / 1600.0 - before;
    CHECK(low <= share * rule.alarms);
    CHECK(high > share * rule.alarms);
    before += share;
    least += low;
    most += high;
  }
  CHECK((least <= rule.alarms && rule.alarms <= most && most < 1.3 * rule.alarms));
  CHECK(sequential.comparison().rule.alarms == rule.alarms);
  CHECK(!sequential.decided());
}

TEST_CASE("a benchmark keeps the verdict of the look that decided it, and its counts are of all runs") {
  // From the 11th run on the candidate of "a" is as fast as the base; "b" varies too much at first.
  std::vector<double> slow = test::noisy(3, 15, 1, 0.001);
  std::for_each(slow.begin(), slow.begin() + 10, [](double& time) { time *= 1.5; });
  Results base = test::side_of({{"a", test::noisy(4, 15, 1, 0.001)}, {"b", test::noisy(5, 15, 1, 0.1)}});
  Results candidate = test::side_of({{"a", slow}, {"b", test::noisy(6, 15, 1.02, 0.1)}});
  for (std::size_t run = 0; run < 15; ++run) {
    base.runs[run]["a"].counts["passes"] = {5, 5};
    const double passes = run < 10 ? 6 : 5;
    candidate.runs[run]["a"].counts["passes"] = {passes, passes};
  }
  Sequential sequential({}, 40);
  CHECK(!sequential.decided());
  sequential.look(first(base, 10), first(candidate, 10));
  const Compared then = sequential.comparison().benchmarks[0];
  CHECK(then.verdict == Verdict::slower);
  CHECK(sequential.comparison().risen() == 1);
  CHECK(sequential.comparison().benchmarks[1].verdict == Verdict::cannot_tell);
  CHECK(!sequential.decided());
  sequential.look(base, candidate);
  const Compared& now = sequential.comparison().benchmarks[0];
  CHECK(now.verdict == Verdict::slower);
  CHECK(now.ratio == then.ratio);
  CHECK(now.interval == then.interval);
  CHECK(now.base.size() == 10);
  CHECK(sequential.comparison().risen() == 0);
  CHECK(sequential.comparison().benchmarks[1].base.size() == 15);
  CHECK(sequential.next() == 23);
}

TEST_CASE("the last look, at however few runs, spends all that is left") {
  // Some runs are amiss: p lies between what the second look may spend and what is left.
  std::vector<double> base, candidate;
  for (int run = 0; run < 10; ++run) {
    base.push_back(1 + run / 100.0);
    candidate.push_back(run < 3 ? 1.035 + run / 1000.0 : 2 + run / 100.0);
  }
  const Results before = test::side_of({{"a", base}}), after = test::side_of({{"a", candidate}});
  const double p = compare::compare(before, after).benchmarks.front().p.value();
  CHECK((p > 0.04 * 15 * 15 / 1600 && p < 0.04 * (1 - 100.0 / 1600)));
  for (const bool last : {false, true}) {
    Sequential sequential({}, 40);
    sequential.look(before, after);
    CHECK(sequential.comparison().count(Verdict::slower) == 0);
    sequential.look(before, after, last);
    CHECK(sequential.comparison().count(Verdict::slower) == (last ? 1 : 0));
    CHECK(sequential.next() == (last ? 0 : 23));
    CHECK(sequential.decided() == last);
  }
}

TEST_CASE("what cannot be told at all is not waited for") {
  Results side = test::side_of({{"a", std::vector<double>(10, 1.0)}, {"b", std::vector<double>(10, 1.0)}});
  side.runs[3]["b"] = {.seconds = std::nullopt, .counts = {}, .error = "failed"};
  Sequential sequential({}, 40);
  sequential.look(side, side);
  CHECK(sequential.comparison().count(Verdict::same) == 1);
  CHECK(sequential.decided());
}

TEST_CASE("of 200 suites in which nothing changed at most 5 % have an alarm") {
  constexpr std::size_t suites = 200, benchmarks = 5;
  int alarms = 0, told = 0;
  for (std::uint64_t suite = 0; suite < suites; ++suite) {
    std::map<std::string, std::vector<double>> base, candidate;
    for (std::uint64_t i = 0; i < benchmarks; ++i) {
      const std::uint64_t seed = 2 * (suite * benchmarks + i);
      base[std::to_string(i)] = test::noisy(seed, 23, 1, 0.03);
      candidate[std::to_string(i)] = test::noisy(seed + 1, 23, 1, 0.03);
    }
    const Results before = test::side_of(base), after = test::side_of(candidate);
    // A threshold of nearly nothing: the test alone holds the errors.
    Sequential sequential({.threshold = 1e-5}, 23);
    while (sequential.next() > 0 && !sequential.decided()) {
      const int runs = sequential.next();
      sequential.look(first(before, runs), first(after, runs));
    }
    const Comparison& comparison = sequential.comparison();
    alarms += comparison.count(Verdict::slower) + comparison.count(Verdict::faster) > 0;
    told += comparison.count(Verdict::same);
  }
  CHECK(alarms <= 0.05 * suites);
  CHECK(told == 0);
}
