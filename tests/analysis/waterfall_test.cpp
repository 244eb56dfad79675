// SPDX-License-Identifier: Apache-2.0
// A waterfall of made-up machines, on which one thing at a time is slower than its MACs say.
#include "analysis/waterfall.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "catch.h"
#include "record/record.h"
#include "test_folder.h"

using namespace dydit::analysis;

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
  const auto sum = [](const WaterfallTimes::Parts& parts) { return parts.fixed + parts.attention + parts.products; };
  t.dense = t.path = sum(t.dense_parts);
  t.path_fixed = t.dense_parts.fixed;
  t.without_routers = sum(t.parts);
  t.cell = t.without_routers + shares.routers * t.dense;
  return t;
}

std::map<std::string, double> named_bars(const WaterfallTimes& times) {
  const Bars bars = bars_of(shares, times);
  std::map<std::string, double> named{{"theoretical_time", bars.theoretical}, {"dense_misfit", bars.dense_misfit}};
  double sum = bars.theoretical;
  for (std::size_t i = 0; i < bars.causes.size(); ++i) {
    named[std::string(waterfall_causes[i].name)] = bars.causes[i];
    sum += bars.causes[i];
  }
  CHECK(std::abs(sum - times.cell) < 1e-9);
  CHECK(std::abs(bars.theoretical + bars.gap - times.cell) < 1e-9);
  return named;
}

// All bars between the theoretical time and the rest are zero but those named.
void check(const WaterfallTimes& times, const std::map<std::string, double>& expected) {
  for (const auto& [bar, seconds] : named_bars(times)) {
    if (bar == "theoretical_time") continue;
    INFO(bar);
    const auto found = expected.find(bar);
    CHECK(std::abs(seconds - (found == expected.end() ? 0 : found->second)) < 1e-9);
  }
}

}  // namespace

TEST_CASE("a machine that is as fast as its MACs say has the theoretical time alone") {
  const WaterfallTimes t = machine();
  check(t, {});
  CHECK(std::abs(named_bars(t).at("theoretical_time") - 57.25) < 1e-9);
}

TEST_CASE("fixed parts and attention that are slower than their MACs are lost as far as they do not shrink") {
  // Of 10 s more in both models the theory takes rho along: .5725 of them. Attention's MACs shrink less than
  // the products', so it is where the time stays.
  const auto slow_fixed = named_bars(machine(/*fixed=*/10));
  CHECK(std::abs(slow_fixed.at("lost_to_fixed") - (15 - 0.05 * 110 - 0.5 * (15 - 0.05 * 110))) < 1e-9);
  const auto slow_attention = named_bars(machine(0, /*slowness=*/2));
  CHECK(std::abs(slow_attention.at("lost_to_attention") - (22.5 - 0.1125 * 115 - 0.5 * (30 - 0.15 * 115))) < 1e-9);
  for (const auto& bars : {slow_fixed, slow_attention}) {
    CHECK(std::abs(bars.at("unexplained")) < 1e-9);
    CHECK(bars.at("lost_to_narrow") == 0);
  }
}

TEST_CASE("each other cause has its bar, and no other") {
  WaterfallTimes t = machine();
  const auto slower = [&](const std::string& what, double& part, const std::map<std::string, double>& expected) {
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

TEST_CASE("what the dense model's parts leave is shown, and is in the rest with the opposite sign, shrunk") {
  WaterfallTimes t = machine();
  t.dense_parts.products -= 8;  // of 80 s, half of which are left
  t.parts.products -= 4;        // the cell's parts leave half as much as the dense model's: nothing is unexplained
  check(t, {{"dense_misfit", 8}});
  t.without_routers += 4;
  t.cell += 4;
  check(t, {{"dense_misfit", 8}, {"unexplained", 4}});
}

namespace {

using Row = std::vector<std::string>;

// The tables of a Markdown text from `marker` on, without the lines below their heads.
std::vector<std::vector<Row>> tables_after(const std::string& text, const std::string& marker) {
  const auto begin = text.find(marker);
  REQUIRE(begin != text.npos);
  std::istringstream lines(text.substr(begin));
  std::vector<std::vector<Row>> tables;
  bool within = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ")) {
      within = within && line.starts_with("|--");
      continue;
    }
    if (!within) tables.emplace_back();
    within = true;
    Row& row = tables.back().emplace_back();
    std::istringstream cells(line.substr(2));
    for (std::string cell; std::getline(cells, cell, '|');)
      if (const auto end = cell.find_last_not_of(' '); end != cell.npos)
        row.push_back(cell.substr(cell.find_first_not_of(' '), end + 1 - cell.find_first_not_of(' ')));
  }
  return tables;
}

}  // namespace

TEST_CASE("the documentation's example is what its record says") {
  const auto record =
      dydit::record::from_line(dydit::read_file(dydit::test::test_folder() / "golden/waterfall_example.jsonl"));
  const auto tables = tables_after(dydit::read_file(dydit::test::test_folder() / "../docs/dynamic.md"),
                                   "tests/golden/waterfall_example.jsonl");
  REQUIRE(tables.size() >= 3);
  const auto value = [&](const char* metric) { return record.metrics.at(metric).value; };
  const std::pair<const char*, const char*> named[] = {{"D", "dense_time"},
                                                       {"F'", "dense_fixed_time"},
                                                       {"A'", "dense_attention_time"},
                                                       {"P'", "dense_products_time"},
                                                       {"C", "time"},
                                                       {"C₋", "without_routers_time"},
                                                       {"F", "fixed_time"},
                                                       {"A", "attention_time"},
                                                       {"P", "products_time"},
                                                       {"R", "routed_time"},
                                                       {"T", "together_time"},
                                                       {"O", "path_time"},
                                                       {"F₀", "path_fixed_time"},
                                                       {"R₀", "path_routed_time"},
                                                       {"ρ", "rho"},
                                                       {"m_A", "attention_share"},
                                                       {"k_A m_A", "attention_share_left"},
                                                       {"m_P", "products_share"},
                                                       {"k_P m_P", "products_share_left"},
                                                       {"m_R", "routers_share"}};
  std::size_t checked = 0;
  for (std::size_t table = 0; table < 2; ++table)
    for (std::size_t i = 0; i < tables[table].at(0).size(); ++i)
      for (const auto& [symbol, metric] : named)
        if (tables[table][0][i] == symbol) {
          INFO(symbol);
          CHECK(tables[table].at(1).at(i) == fmt::format("{:.{}f}", value(metric), table == 0 ? 2 : 5));
          ++checked;
        }
  CHECK(checked == std::size(named));
  const Waterfall waterfall = waterfall_of(record).value();
  std::map<std::string, double> expected{{std::string(theoretical_bar.label), waterfall.theoretical.mean},
                                         {"measured time", value("time")},
                                         {"dense misfit E'", waterfall.dense_misfit.mean}};
  for (std::size_t i = 0; i < waterfall_causes.size(); ++i)
    expected[of_engine(waterfall_causes[i].label, "compact")] = waterfall.causes[i].mean;
  std::size_t bars = 0;
  for (const Row& row : tables[2])
    if (const auto found = expected.find(row.front()); found != expected.end()) {
      INFO(row.front());
      CHECK(row.back() == fmt::format("{:.2f}", found->second));
      ++bars;
    }
  CHECK(bars == expected.size());
}

TEST_CASE("the unexplained share of a gap is as sure as their ratio") {
  auto record =
      dydit::record::from_line(dydit::read_file(dydit::test::test_folder() / "golden/waterfall_example.jsonl"));
  for (auto& [name, metric] : record.metrics)  // a machine that is slower in some blocks, in all alike
    for (std::size_t i = 0; i < metric.blocks.size(); ++i)
      metric.blocks[i] = {metric.value * (1 + 0.1 * static_cast<double>(i))};
  const auto waterfall = waterfall_of(record).value();
  const auto& percent = waterfall.unexplained_percent;
  CHECK(waterfall.gap.high > 1.1 * waterfall.gap.low);
  CHECK(std::abs(percent.mean - 100 * waterfall.unexplained().mean / waterfall.gap.mean) < 1e-9);
  CHECK(percent.high - percent.low < 1e-6);
}
