// SPDX-License-Identifier: Apache-2.0
#include "gpu/clock.h"

#include <vector>

#include "gpu_support.h"
#include "study/speed.h"
#include "study/support.h"

using namespace dydit;
using gpu::ClockReading;
using gpu::mean_clock;

namespace {

constexpr double most = 2000;  // MHz

// Of 1 ms at so many MHz, from counters of which each multiprocessor has its own.
std::vector<ClockReading> after_a_millisecond(const std::vector<ClockReading>& begin,
                                              const std::vector<double>& clocks) {
  std::vector<ClockReading> end;
  for (std::size_t i = 0; i < clocks.size(); ++i)
    end.push_back({begin[i].multiprocessor, begin[i].cycles + static_cast<std::int64_t>(clocks[i] * 1000),
                   begin[i].nanoseconds + 1'000'000});
  return end;
}

}  // namespace

TEST_CASE("a clock is the median of the multiprocessors that were read twice") {
  const std::vector<ClockReading> begin{{0, 70'000, 500}, {3, 9, 501}, {1, 2'000'000'000'000, 502}, {2, 0, 503}};
  auto end = after_a_millisecond(begin, {1400, 1900, 1500});
  CHECK(mean_clock(begin, end, most).value() == Approx(1500));
  end.push_back({7, 1, 1});  // not among the first ones
  end.push_back({3, 0, 0});  // again: one reading of a multiprocessor counts
  CHECK(mean_clock(begin, end, most).value() == Approx(1500));
  end = after_a_millisecond(begin, {1400, 1900, 1500});
  end[1].cycles = begin[1].cycles;  // one that stands still is not the majority
  CHECK(mean_clock(begin, end, most).value() == Approx(1500));
}

TEST_CASE("counters that say what cannot be give no clock") {
  const std::vector<ClockReading> begin{{0, 1000, 1000}};
  const auto clock = [&](ClockReading end) { return mean_clock(begin, std::vector{end}, most); };
  CHECK(clock({0, 3000, 2000}).value() == Approx(2000));
  CHECK(!clock({0, 3001, 2000}));  // faster than the card can be
  CHECK(!clock({0, 1000, 2000}));
  CHECK(!clock({0, 900, 2000}));
  CHECK(!clock({0, 3000, 1000}));
  CHECK(!clock({0, 900, 900}));
  CHECK(!clock({1, 3000, 2000}));
  CHECK(!mean_clock({}, {}, most));
}

TEST_CASE("during products a GPU's clock is one that it can have") {
  if (!test::has_hopper()) return;
  torch::NoGradGuard no_grad;
  const torch::Device device(torch::kCUDA, 0);
  const auto clock = gpu::clock_meter(device);
  REQUIRE(clock != nullptr);
  const torch::Tensor a = torch::randn({4096, 4096}, torch::TensorOptions(device).dtype(torch::kBFloat16));
  for (int stretch = 0; stretch < 3; ++stretch) {
    clock->begin();
    for (int i = 0; i < 50; ++i) torch::mm(a, a);
    clock->end();
    const auto megahertz = clock->megahertz();
    REQUIRE(megahertz.has_value());
    CHECK(*megahertz >= 200);
    CHECK(*megahertz <= 1.05 * gpu::highest_clock({torch::kCUDA, 0}));
  }
}

TEST_CASE("a sweep on a GPU records the clock of each cell, in each block") {
  if (!test::has_hopper()) return;
  test::StudyRun run;
  study::SpeedSetting s{.spec = {.models = {"DyDiT-S/8"}},
                        .catalog = &test::catalog(),
                        .device = torch::Device(torch::kCUDA, 0),
                        .quiet = true};
  s.spec.axes = {{"dtype", {"bfloat16"}}, {"batch", {2}}, {"keep", {0.5}}};
  s.spec.blocks = 6;
  study::speed(s, &run.run);
  for (const auto& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.metrics.at("sm_clock").blocks.size() == 6);
    for (const char* clock : {"sm_clock", "floor_clock"}) {
      REQUIRE(record.metrics.contains(clock));
      CHECK(record.metrics.at(clock).value <= 1.05 * gpu::highest_clock({torch::kCUDA, 0}));
    }
  }
}

TEST_CASE("no clock is measured where our kernels do not run") { CHECK(gpu::clock_meter(torch::kCPU) == nullptr); }
