// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <stdexcept>
#include <thread>

#include "catch.h"
#include "instrument/interleaved.h"
#include "instrument/stopwatch.h"

namespace instrument = dydit::instrument;

TEST_CASE("every variant runs in each block, once for the caches and once to be timed, in an order that changes") {
  std::string order;
  std::vector<instrument::Variant> variants;
  for (const char* name : {"a", "b", "c", "d"}) variants.push_back({name, [&order, name](std::int64_t) { order += name; }});
  std::vector<std::string> blocks;
  const auto times = instrument::interleaved(variants, {.count = 8, .seed = 3}, torch::kCPU, [&] {
    blocks.push_back(order.substr(order.size() - 8));
    CHECK(std::set<char>(blocks.back().begin(), blocks.back().end()).size() == 4);
    for (std::size_t i = 0; i < 8; i += 2) CHECK(blocks.back()[i] == blocks.back()[i + 1]);
  });
  CHECK(blocks.size() == 8);
  CHECK(std::set<std::string>(blocks.begin(), blocks.end()).size() > 4);
  for (const auto& of : times) {
    CHECK(of.blocks.size() == 8);
    CHECK(of.blocks[0].size() == 1);
    CHECK(instrument::block_medians(of).size() == 8);
  }
  // The same seed, the same order.
  const std::string first = order;
  order.clear();
  instrument::interleaved(variants, {.count = 8, .seed = 3}, torch::kCPU);
  CHECK(order == first);
}

TEST_CASE("passes are counted on from the warm-up, and as many as fill the time") {
  std::vector<std::int64_t> passes;
  const auto times = instrument::interleaved({{"sleeps",
                                               [&](std::int64_t pass) {
                                                 passes.push_back(pass);
                                                 std::this_thread::sleep_for(std::chrono::milliseconds(2));
                                               }}},
                                             {.count = 2, .seconds = 0.02}, torch::kCPU);
  // Three to warm up, then in each block one that does not count and those that do, which together miss no number.
  std::vector<std::int64_t> expected{0, 1, 2};
  for (const auto& block : times[0].blocks) {
    expected.push_back(expected.back());
    for (std::size_t i = 0; i < block.size(); ++i) expected.push_back(expected.back() + 1);
  }
  CHECK(passes == expected);
  for (const auto& block : times[0].blocks) {
    CHECK(block.size() > 1);
    CHECK(block.size() <= 10);
    for (const double seconds : block) CHECK(seconds >= 0.002);
  }
}

TEST_CASE("a variant that fails is left out and says why; the others go on") {
  int good = 0;
  const auto times = instrument::interleaved(
      {{"fails later", [](std::int64_t pass) { if (pass == 5) throw std::runtime_error("out of memory"); }},
       {"good", [&](std::int64_t) { ++good; }},
       {"fails at once", [](std::int64_t) { throw std::runtime_error("no such kernel\nframe #0"); }}},
      {.count = 5}, torch::kCPU);
  CHECK(times[0].error == "out of memory");
  CHECK(times[0].blocks.empty());
  CHECK(times[1].error.empty());
  CHECK(times[1].blocks.size() == 5);
  CHECK(times[2].error == "no such kernel");
}

TEST_CASE("a stopwatch tells its laps and their sum") {
  instrument::Stopwatch watch(torch::kCPU);
  for (int lap = 0; lap < 2; ++lap) {
    watch.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    watch.stop();
  }
  CHECK(watch.laps().size() == 2);
  CHECK(watch.laps()[1] >= 0.003);
  CHECK(watch.seconds() == watch.laps()[0] + watch.laps()[1]);
}
