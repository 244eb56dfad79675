// SPDX-License-Identifier: Apache-2.0
// A waterfall of made-up machines, on which one thing at a time is slower than its MACs say.
#include "waterfall.h"

#include <cmath>
#include <map>
#include <string>

#include "catch.h"

using namespace dydit::study;

namespace {

// Products 80 % of the MACs and attention 15 %, of which half and three quarters are left; routers 1 %
// besides.
const MacShares shares{.executed = 0.05 + 0.15 * 0.75 + 0.8 * 0.5 + 0.01,
                       .attention = 0.15,
                       .attention_left = 0.15 * 0.75,
                       .products = 0.8,
                       .products_left = 0.4,
                       .routers = 0.01};

// A machine that takes as long as the MACs say, 100 seconds for the dense model, and from there on so much
// longer for the fixed parts (wherever they run), and a unit of attention's MACs `slowness` times as long as
// one of the products.
WaterfallTimes machine(double fixed = 0, double slowness = 1) {
  WaterfallTimes t;
  t.dense_parts = {.fixed = 5 + fixed, .attention = 15 * slowness, .products = 80};
  t.parts = {.fixed = 5 + fixed, .attention = 15 * 0.75 * slowness, .products = 40};
  const auto sum = [](const WaterfallTimes::Parts& parts) {
    return parts.fixed + parts.attention + parts.products;
  };
  t.dense = t.path = sum(t.dense_parts);
  t.path_fixed = t.dense_parts.fixed;
  t.without_routers = sum(t.parts);
  t.cell = t.without_routers + shares.routers * t.dense;
  return t;
}

std::map<std::string, double> bars_of(const WaterfallTimes& times) {
  std::map<std::string, double> bars;
  for (const Bar& bar : waterfall(shares, times)) bars[std::string(bar.metric)] = bar.seconds;
  return bars;
}

// All bars between the theoretical time and the rest are zero but those named.
void check(const WaterfallTimes& times, const std::map<std::string, double>& expected) {
  for (const auto& [metric, seconds] : bars_of(times)) {
    if (metric == "theoretical_time") continue;
    INFO(metric);
    const auto found = expected.find(metric);
    CHECK(std::abs(seconds - (found == expected.end() ? 0 : found->second)) < 1e-9);
  }
}

}  // namespace

TEST_CASE("a machine that is as fast as its MACs say has the theoretical time alone") {
  const WaterfallTimes t = machine();
  check(t, {});
  CHECK(std::abs(bars_of(t).at("theoretical_time") - 57.25) < 1e-9);
}

TEST_CASE("fixed parts and attention that are slower than their MACs are lost as far as they do not shrink") {
  // Of 10 s more in both models the theory takes rho along: .5725 of them. Attention's MACs shrink less than
  // the products', so it is where the time stays.
  const auto slow_fixed = bars_of(machine(/*fixed=*/10));
  CHECK(std::abs(slow_fixed.at("lost_to_fixed") - (15 - 0.05 * 110 - 0.5 * (15 - 0.05 * 110))) < 1e-9);
  const auto slow_attention = bars_of(machine(0, /*slowness=*/2));
  CHECK(std::abs(slow_attention.at("lost_to_attention") - (22.5 - 0.1125 * 115 - 0.5 * (30 - 0.15 * 115))) <
        1e-9);
  for (const auto& bars : {slow_fixed, slow_attention}) {
    CHECK(std::abs(bars.at("unexplained")) < 1e-9);
    CHECK(bars.at("lost_to_narrow") == 0);
  }
}

TEST_CASE("each other cause has its bar, and no other") {
  WaterfallTimes t = machine();
  const auto slower = [&](const std::string& what, double& part,
                          const std::map<std::string, double>& expected) {
    INFO(what);
    const WaterfallTimes before = t;
    part += 3;
    t.without_routers += 3;
    t.cell += 3;
    check(t, expected);
    t = before;
  };
  slower("narrow products", t.parts.products, {{"lost_to_narrow", 3}});
  slower("tokens that lie apart", t.routed, {{"lost_to_gather", 3}});
  slower("the engine's own work", t.path, {{"lost_to_path", 3}});
  t.path += 2;  // passes that a router separates, with everything on and in the cell: fixed, and not the
                // path's besides
  t.path_fixed += 2;
  slower("separated passes", t.parts.fixed, {{"lost_to_fixed", 3}});
  t = machine();
  t.path += 1;  // to find the rows, likewise
  t.path_routed += 1;
  slower("rows to be found", t.routed, {{"lost_to_gather", 3}});
  t = machine();
  t.cell += 3;
  check(t, {{"lost_to_routers", 3}});
  t.without_routers += 4;
  t.cell += 4;
  check(t, {{"lost_to_routers", 3}, {"unexplained", 4}});
}
