// SPDX-License-Identifier: Apache-2.0
#include "compare/verdict.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "compare/statistics.h"
#include "made_up_sides.h"

using namespace dydit;
using namespace dydit::compare;
using dydit::test::noisy;
using dydit::test::side_of;

// One benchmark.
static Compared compared(const std::vector<double>& base, const std::vector<double>& candidate, const Rule& rule = {}) {
  return compare::compare(side_of({{"a", base}}), side_of({{"a", candidate}}), rule).benchmarks.at(0);
}

TEST_CASE("one run a side cannot tell, however far apart they are") {
  const Comparison comparison = compare::compare(side_of({{"a", {1}}}), side_of({{"a", {100}}}));
  const Compared& one = comparison.benchmarks.at(0);
  CHECK(one.verdict == Verdict::cannot_tell);
  CHECK(one.reason.find("1 and 1 process runs") != std::string::npos);
  CHECK((!one.ratio && !one.interval && !one.p && !one.detectable && one.runs_needed == 10));
  CHECK(one.base == std::vector<double>{1});
  CHECK(!comparison.worse());
  CHECK(compared({1, 1, 1}, {2, 2}).reason == "3 and 2 process runs are too few");
  // Three and three have 20 choices: not enough for an alarm of 4 %.
  const Compared three = compared({1, 1.01, 1.02}, {2, 2.02, 2.04});
  CHECK(three.verdict == Verdict::cannot_tell);
  CHECK(three.p.value() == Approx(0.1));
  CHECK(std::isinf(three.interval.value()[1]));
  CHECK(three.reason == "3 and 3 process runs are too few");
  CHECK(three.runs_needed.value() == 10);
  // Among a million benchmarks not even ten could be told.
  const Compared strict = compared({1, 1.01, 1.02}, {2, 2.02, 2.04}, {.alarms = 4e-8});
  const auto needed = static_cast<std::size_t>(strict.runs_needed.value());
  CHECK((smallest_level(needed, needed) <= 4e-8 && smallest_level(needed - 1, needed - 1) > 4e-8));
}

TEST_CASE("times of different kinds are not compared") {
  Results base = side_of({{"a", {1, 1, 1}}}), candidate = side_of({{"a", {1, 1, 1}}});
  CHECK(compare::compare(base, candidate).count(Verdict::same) == 1);
  for (ProcessRun& run : candidate.runs) run["a"].quantity = "median";
  for (ProcessRun& run : base.runs) run["a"].quantity = "mean";
  const Comparison comparison = compare::compare(base, candidate);
  CHECK(comparison.count(Verdict::cannot_tell) == 1);
  CHECK(comparison.benchmarks[0].reason == "its times are not alike: mean, median");
}

TEST_CASE("slower, faster, same and cannot tell") {
  const auto base = noisy(1, 10, 1, 0.01);
  const Compared slower = compared(base, noisy(2, 10, 1.1, 0.01));
  CHECK(slower.verdict == Verdict::slower);
  CHECK(slower.ratio.value() == Approx(1.1).epsilon(0.01));
  CHECK((slower.interval.value()[0] > 1 && slower.interval.value()[1] > slower.ratio.value()));
  CHECK(slower.p.value() <= 0.04);
  CHECK((slower.reason.empty() && !slower.runs_needed));
  const Compared faster = compared(base, noisy(3, 10, 0.9, 0.01));
  CHECK(faster.verdict == Verdict::faster);
  CHECK(faster.interval.value()[1] < 1);
  const Compared same = compared(base, noisy(4, 10, 1, 0.01), {.threshold = 0.05});
  CHECK(same.verdict == Verdict::same);
  CHECK((same.detectable.value() > 0.05 && same.detectable.value() < 0.1));
  const Compared unclear = compared(base, noisy(5, 10, 1, 0.1));
  CHECK(unclear.verdict == Verdict::cannot_tell);
  CHECK(unclear.reason.find("varies by") != std::string::npos);
  // Equal times are the same, to whatever threshold.
  CHECK(compared({1, 1, 1}, {1, 1, 1}, {.threshold = 1e-9}).verdict == Verdict::same);
}

TEST_CASE("verdicts have names") {
  CHECK(std::string("cannot-tell same slower faster") == std::string(name_of(Verdict::cannot_tell)) + " " +
                                                             name_of(Verdict::same) + " " + name_of(Verdict::slower) +
                                                             " " + name_of(Verdict::faster));
}

// Five runs of a candidate about twice as slow but for one, which is faster than `amiss` of the base's.
static std::vector<double> twice_but(int amiss) { return {2, 2.1, 2.2, 2.3, amiss == 0 ? 2.4 : 1.045 - 0.01 * amiss}; }

TEST_CASE("Holm: a p passes that does so only because smaller ones were rejected before") {
  // Of the 252 choices of five of ten 1, 2, 4 and 10 have scores as high as with 0, 1, 3 and 5 amiss. With alarms of
  // 5 % and three benchmarks: 2/252 <= 0.05 / 3, 4/252 <= 0.05 / 2, 8/252 = 0.032 <= 0.05, but above 0.05 / 2.
  const std::vector<double> base{1, 1.01, 1.02, 1.03, 1.04};
  const Rule rule{.alarms = 0.05};
  const auto verdicts = [&](const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& c) {
    std::string text;
    for (const Compared& one : compare::compare(side_of({{"a", base}, {"b", base}, {"c", base}}),
                                                side_of({{"a", a}, {"b", b}, {"c", c}}), rule)
                                   .benchmarks) {
      text += std::string(name_of(one.verdict)) + " ";
      const bool excludes = one.interval.value()[0] > 1 || one.interval.value()[1] < 1;
      CHECK(excludes == (one.verdict == Verdict::slower));
    }
    return text;
  };
  CHECK(compared(base, twice_but(3), rule).p.value() == Approx(8 / 252.0));
  CHECK(verdicts(twice_but(0), twice_but(1), twice_but(3)) == "slower slower slower ");
  CHECK(verdicts(twice_but(3), twice_but(0), twice_but(1)) == "slower slower slower ");
  // 8/252 is the second of them: compared with 0.05 / 2.
  CHECK(verdicts(twice_but(0), twice_but(3), base) == "slower cannot-tell cannot-tell ");
  // 20/252 is above 0.05, and stops no other.
  CHECK(compared(base, twice_but(5), rule).p.value() == Approx(20 / 252.0));
  CHECK(verdicts(twice_but(0), twice_but(1), twice_but(5)) == "slower slower cannot-tell ");
  // 8/252 three times: the first fails at 0.05 / 3, and with it all.
  CHECK(verdicts(twice_but(3), twice_but(3), twice_but(3)) == "cannot-tell cannot-tell cannot-tell ");
}

TEST_CASE("a change below the threshold is not slower") {
  const auto base = noisy(1, 20, 1, 0.001), candidate = noisy(2, 20, 1.005, 0.001);
  const Compared within = compared(base, candidate);
  CHECK(within.verdict == Verdict::same);
  CHECK(within.interval.value()[0] > 1);
  CHECK(compared(base, candidate, {.threshold = 0.002}).verdict == Verdict::slower);
  // Found, but perhaps above the threshold and perhaps not.
  const Compared near = compared(noisy(1, 10, 1, 0.004), noisy(2, 10, 1.008, 0.004));
  CHECK(near.verdict == Verdict::cannot_tell);
  CHECK(near.interval.value()[0] > 1);
  CHECK(near.reason.find("less than 1 %") != std::string::npos);
}

TEST_CASE("a benchmark that is missing in some runs or failed in one cannot be told") {
  Results base = side_of({{"a", noisy(1, 10, 1, 0.001)}, {"b", noisy(2, 8, 1, 0.001)}});
  Results candidate = side_of({{"a", noisy(3, 10, 2, 0.001)}, {"b", noisy(4, 9, 2, 0.001)}});
  candidate.runs[9]["a"] = {.seconds = std::nullopt, .counts = {}, .error = "failed: no memory"};
  const Comparison comparison = compare::compare(base, candidate);
  CHECK(comparison.count(Verdict::cannot_tell) == 2);
  CHECK(comparison.benchmarks[0].reason == "in the candidate failed: no memory");
  CHECK(comparison.benchmarks[1].reason == "missing in 3 runs");
  CHECK((!comparison.benchmarks[0].ratio && !comparison.benchmarks[1].ratio && !comparison.worse()));
  base.runs[0]["a"] = candidate.runs[9]["a"];
  CHECK(compare::compare(base, candidate).benchmarks[0].reason == "in the base failed: no memory");
}

TEST_CASE("benchmarks of one side are notes, and sides with nothing in common an error") {
  Results base = side_of({{"a", {1, 1, 1}}, {"b", {1, 1, 1}}}),
          candidate = side_of({{"b", {1, 1, 1}}, {"c", {1, 1, 1}}});
  base.notes = {"x is no result"};
  const Comparison comparison = compare::compare(base, candidate);
  CHECK(comparison.benchmarks.size() == 1);
  CHECK(comparison.notes ==
        std::vector<std::string>{"x is no result", "a is in the base alone", "c is in the candidate alone"});
  CHECK_THROWS_WITH(compare::compare(side_of({{"a", {1}}}), side_of({{"b", {1}}})), Catch::Contains("on both sides"));
  CHECK_THROWS_AS(compare::compare({}, {}), InputError);
}

TEST_CASE("with as many runs as are said to be needed it is told") {
  int asked = 0, told = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    // Differences of 0 to 5 %, sides of different sizes.
    const double ratio = 1 + static_cast<double>(seed % 6) / 100;
    const std::size_t n = 4 + seed % 5, m = 4 + seed % 7;
    const Rule rule{.threshold = 0.025};
    const Compared now = compared(noisy(3 * seed, n, 1, 0.02), noisy(3 * seed + 1, m, ratio, 0.02), rule);
    CHECK(now.runs_needed.has_value() <= (now.verdict == Verdict::cannot_tell));
    if (!now.runs_needed) continue;
    REQUIRE(*now.runs_needed > static_cast<int>(std::min(n, m)));
    REQUIRE(*now.runs_needed <= 300);
    ++asked;
    const auto runs = static_cast<std::size_t>(*now.runs_needed);
    told += compared(noisy(1000 + 2 * seed, runs, 1, 0.02), noisy(1001 + 2 * seed, runs, ratio, 0.02), rule).verdict !=
            Verdict::cannot_tell;
  }
  CHECK(asked >= 40);
  CHECK(told >= 0.8 * asked);
}

TEST_CASE("where not even many runs would tell, none are asked for") {
  // A little below the threshold.
  const Compared one = compared(noisy(1, 60, 1, 0.003), noisy(2, 60, 1.0085, 0.003));
  CHECK(one.verdict == Verdict::cannot_tell);
  CHECK(!one.runs_needed);
  CHECK(one.reason.find("300 a side would not tell") != std::string::npos);
}

// Runs of one benchmark with this count in each.
static Results counting(const std::string& name, const std::vector<double>& counts) {
  Results side = side_of({{"a", std::vector<double>(counts.size(), 1.0)}});
  for (std::size_t run = 0; run < counts.size(); ++run) side.runs[run]["a"].counts[name] = {counts[run], counts[run]};
  return side;
}

TEST_CASE("a count rose or fell where no two runs of the sides overlap") {
  const auto count = [](const std::vector<double>& base, const std::vector<double>& candidate) {
    const Comparison comparison = compare::compare(counting("passes", base), counting("passes", candidate));
    const Count found = comparison.benchmarks.at(0).counts.at(0);
    CHECK(comparison.worse() == found.rose());
    CHECK(comparison.risen() == (found.rose() ? 1 : 0));
    return std::pair(found.rose(), found.fell());
  };
  CHECK(count({5, 6, 5, 6, 5}, {7, 7, 8, 7, 7}) == std::pair(true, false));
  CHECK(count({5, 6, 5, 6, 5}, {6, 7, 8, 7, 7}) == std::pair(false, false));
  CHECK(count({5, 6, 5, 6, 5}, {4, 4, 3, 4, 4}) == std::pair(false, true));
  CHECK(count({5}, {6}) == std::pair(true, false));  // without noise one run is enough
  CHECK(count({5, 5, 5}, {6, 6, 6}) == std::pair(true, false));
  // With noise three a side lie apart in one case of ten.
  CHECK(count({5, 6, 5}, {7, 7, 8}) == std::pair(false, false));
  CHECK(compare::compare(counting("passes", {5, 6, 5}), counting("passes", {7, 7, 8})).notes.size() == 1);
  CHECK(count({5}, {5}) == std::pair(false, false));
}

TEST_CASE("only gated counts that rose are worse, and only those of both sides count") {
  const Results base = counting("INSTRUCTIONS", {100, 100, 100}), candidate = counting("INSTRUCTIONS", {200, 200, 200});
  const Comparison by_default = compare::compare(base, candidate);
  CHECK(by_default.benchmarks[0].counts.at(0).rose());
  CHECK(!by_default.benchmarks[0].counts.at(0).gated);
  CHECK((by_default.risen() == 0 && !by_default.worse()));
  CHECK(compare::compare(base, candidate, {.gated = {"INSTRUCTIONS"}}).worse());
  CHECK(!compare::compare(candidate, base, {.gated = {"INSTRUCTIONS"}}).worse());
  const Comparison others = compare::compare(base, counting("passes", {1, 1, 1}));
  CHECK(others.benchmarks[0].counts.empty());
  CHECK(others.notes == std::vector<std::string>{"the count INSTRUCTIONS of 1 benchmark is in the base alone",
                                                 "the count passes of 1 benchmark is in the candidate alone"});
  CHECK_THROWS_WITH(compare::compare(base, candidate, {.gated = {"instructions"}}),
                    Catch::Contains("no benchmark has the count instructions") && Catch::Contains("INSTRUCTIONS"));
  for (const std::string& name : Rule::default_gate())
    CHECK(compare::compare(counting(name, {1}), counting(name, {2})).worse());
}

TEST_CASE("a comparison is worse where something is slower, not where it is faster or unclear") {
  const auto worse = [](double ratio, double spread) {
    return compare::compare(side_of({{"a", noisy(1, 10, 1, spread)}}), side_of({{"a", noisy(2, 10, ratio, spread)}}))
        .worse();
  };
  CHECK(worse(1.1, 0.01));
  CHECK(!worse(0.9, 0.01));
  CHECK(!worse(1, 0.0001));
  CHECK(!worse(1.1, 1));
}

TEST_CASE("times at the ends of what can be read are compared") {
  const std::vector<double> least(5, 1e-30), most(5, 1e30);
  CHECK(compared(least, most).verdict == Verdict::slower);
  CHECK(compared(most, least).verdict == Verdict::faster);
  CHECK(compared({1e-30, 1e30, 1e-30, 1e30}, {1e30, 1e-30, 1e30, 1e-30}).verdict == Verdict::cannot_tell);
}
