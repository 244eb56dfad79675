// SPDX-License-Identifier: Apache-2.0
#include "instrument/interleaved.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "catch.h"
#include "instrument/timer.h"
#include "made_up_timer.h"

using namespace dydit;
using instrument::Variant;
using instrument::WarmUp;
using test::MadeUpTimer;

namespace {

// Tells what it is asked for: b(egin), e(nd), m(egahertz).
struct MadeUpClock final : instrument::ClockMeter {
  std::string* done;
  std::vector<std::optional<double>> readings;  // in turn

  MadeUpClock(std::string* to, std::vector<std::optional<double>> told) : done(to), readings(std::move(told)) {}

  void begin() override { *done += 'b'; }
  void end() override { *done += 'e'; }
  std::optional<double> megahertz() override {
    *done += 'm';
    const auto reading = readings.front();
    readings.erase(readings.begin());
    return reading;
  }
};

std::size_t passes_of_warm_up(const std::function<double(std::int64_t pass)>& seconds) {
  MadeUpTimer timer;
  instrument::interleaved({{"a", [&](std::int64_t pass) { timer.now += seconds(pass); }}}, {.count = 0}, timer);
  return static_cast<std::size_t>(std::ranges::count(timer.done, 'l'));
}

}  // namespace

TEST_CASE("every variant runs in each block, once for the caches and once to be timed, in an order that changes") {
  MadeUpTimer timer;
  std::string order;
  std::vector<Variant> variants;
  for (const char* name : {"a", "b", "c", "d"})
    variants.push_back({name, [&order, name](std::int64_t) { order += name; }});
  std::vector<std::string> blocks;
  const auto times = instrument::interleaved(variants, {.count = 8, .seed = 3}, timer, [&] {
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
  instrument::interleaved(variants, {.count = 8, .seed = 3}, timer);
  CHECK(order == first);
}

TEST_CASE("passes are counted on from the warm-up, and as many as fill the time") {
  MadeUpTimer timer;
  std::vector<std::int64_t> passes;
  const auto run = [&](std::int64_t pass) {
    passes.push_back(pass);
    timer.now += 0.0625;
  };
  const auto times = instrument::interleaved({{"sixteenth", run}}, {.count = 2, .seconds = 0.3}, timer);
  // Two rounds to warm up, then in each block one that does not count and those that do, which together miss no number.
  CHECK(passes == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15});
  CHECK(times[0].blocks == std::vector<std::vector<double>>(2, std::vector<double>(5, 0.0625)));
  const auto fewest = instrument::interleaved({{"sixteenth", run}}, {.count = 1, .fewest_passes = 4}, timer);
  CHECK(fewest[0].blocks[0].size() == 4);
}

TEST_CASE("a warm-up ends when times have settled, or at its bounds") {
  CHECK(passes_of_warm_up([](std::int64_t) { return 0.001; }) == 2 * WarmUp::round);
  // A tenth faster with each pass until the twelfth: rounds 0 to 3 differ, 4 and 5 agree.
  const auto falling = [](std::int64_t pass) { return 0.001 * std::max(2.0 - 0.1 * static_cast<double>(pass), 0.8); };
  CHECK(passes_of_warm_up(falling) == 6 * WarmUp::round);
  CHECK(passes_of_warm_up([](std::int64_t pass) { return pass % 6 < 3 ? 1e-4 : 2e-4; }) == WarmUp::most_passes);
  CHECK(passes_of_warm_up([](std::int64_t) { return 0.2; }) == WarmUp::round);  // enough seconds in the first round
}

TEST_CASE("passes follow each other without waiting; a latency is one pass on an idle device") {
  MadeUpTimer timer;
  const auto run = [&](std::int64_t) { timer.done += '.'; };
  const auto after = [&] { timer.done += ' '; };
  const auto times =
      instrument::interleaved({{.name = "a", .run = run, .check = [&] { timer.done += 'c'; }, .latency = true}},
                              {.count = 2, .fewest_passes = 2}, timer, after);
  const std::string round = "s.l.l.lr", block = "s.l.l.lrds.lr ";
  CHECK(timer.done == "c" + round + round + block + block + "c");
  CHECK(times[0].latency.size() == 2);
  timer.done.clear();
  instrument::interleaved({{"a", run}}, {.count = 1}, timer);
  CHECK(timer.done == round + round + "s.l.lr");
}

TEST_CASE("a clock is read around the passes of a block, before anybody waits, and not around warm-up and latency") {
  MadeUpTimer timer;
  MadeUpClock clock(&timer.done, {1500, std::nullopt, 1600});
  const auto run = [&](std::int64_t) { timer.done += '.'; };
  const auto after = [&] { timer.done += ' '; };
  const auto times = instrument::interleaved({{.name = "a", .run = run, .latency = true}},
                                             {.count = 3, .fewest_passes = 2}, timer, after, &clock);
  const std::string round = "s.l.l.lr", block = "bs.l.l.lermds.lr ";
  CHECK(timer.done == round + round + block + block + block);
  CHECK(times[0].clock == std::vector<double>{1500, 1600});  // of the blocks that have one
  CHECK(instrument::interleaved({{"a", run}}, {.count = 1}, timer)[0].clock.empty());
}

TEST_CASE("a variant that fails is left out and says why; the others go on") {
  MadeUpTimer timer;
  int good = 0;
  const auto times = instrument::interleaved(
      {{"fails later",
        [](std::int64_t pass) {
          if (pass == 7) throw std::runtime_error("out of memory");
        }},
       {"good", [&](std::int64_t) { ++good, timer.now += 1; }},
       {"fails at once", [](std::int64_t) { throw std::runtime_error("no such kernel\nframe #0"); }}},
      {.count = 5}, timer);
  CHECK(times[0].error == "out of memory");
  CHECK(times[0].blocks.empty());
  CHECK(times[1].error.empty());
  CHECK(times[1].blocks == std::vector<std::vector<double>>(5, {1.0}));  // no lap of the one that failed among them
  CHECK(times[2].error == "no such kernel");
}

TEST_CASE("a variant that computes something else has no times, whether it did so before the blocks or after them") {
  MadeUpTimer timer;
  int checks = 0, runs = 0;
  const auto fails_at = [&](int failing) {
    checks = 0;
    const auto check = [&checks, failing] {
      if (checks++ == failing) throw RunError("differs");
    };
    const auto times = instrument::interleaved({{"a", [&](std::int64_t) { ++runs; }, check}}, {.count = 3}, timer);
    CHECK(times[0].blocks.empty());
    return times[0].error;
  };
  CHECK(fails_at(0) == "differs");
  CHECK(runs == 0);
  CHECK(fails_at(1) == "differs");
  CHECK(runs > 0);
  CHECK(checks == 2);
}

TEST_CASE("an interrupt ends a measurement, whatever it meets") {
  MadeUpTimer timer;
  const auto interrupt = [](auto...) { throw Interrupted("interrupted"); };
  CHECK_THROWS_AS(instrument::interleaved({{"a", interrupt}}, {}, timer), Interrupted);
  CHECK_THROWS_AS(instrument::interleaved({{"a", [](std::int64_t) {}, interrupt}}, {}, timer), Interrupted);
}

TEST_CASE("a stopwatch tells its laps and their sum, without what lies between them") {
  double now = 100;
  instrument::Stopwatch watch(torch::kCPU, [&] { return now; });
  for (const double lap : {0.5, 0.25}) {
    watch.start();
    now += lap;
    watch.stop();
    now += 7;
  }
  CHECK(watch.laps() == std::vector<double>{0.5, 0.25});
  CHECK(watch.seconds() == 0.75);
}

TEST_CASE("a device's timer forgets a row that was not read") {
  const auto timer = instrument::timer_of(torch::kCPU);
  timer->start();
  timer->lap();
  timer->drain();
  timer->start();
  timer->lap();
  timer->lap();
  CHECK(timer->laps().size() == 2);
}
