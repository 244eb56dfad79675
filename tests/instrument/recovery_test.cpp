// SPDX-License-Identifier: Apache-2.0
// The instrument held against made-up times of known duration and noise.
#include <cmath>

#include "base/median.h"
#include "base/random.h"
#include "catch.h"
#include "instrument/interleaved.h"
#include "made_up_timer.h"

using namespace dydit;

namespace {

constexpr int experiments = 500, blocks = 15;

float normal(Random& random) {
  float value = 0;
  random.fill_normal({&value, 1});
  return value;
}

struct Coverage {
  int time = 0, ratio = 0;  // intervals that hold the true value
  double width = 0;         // of an interval of the time, the mean over the experiments
};

// A model of 10 ms beside one of 4 ms; a disturbance that both share in a block, and `noise` of each pass, lognormal.
Coverage measure(double disturbance, double noise) {
  Coverage found;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    Random random(1, Purpose::synthetic, static_cast<std::uint64_t>(experiment));
    test::MadeUpTimer timer;
    double slowness = 1;
    const auto lasting = [&](double seconds) {
      return [&, seconds](std::int64_t) { timer.now += seconds * slowness * std::exp(noise * normal(random)); };
    };
    const auto times = instrument::interleaved({{"slow", lasting(0.010)}, {"fast", lasting(0.004)}}, {.count = blocks},
                                               timer, [&] { slowness = std::exp(disturbance * normal(random)); });
    const auto slow = instrument::block_medians(times[0]), fast = instrument::block_medians(times[1]);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < slow.size(); ++i) ratios.push_back(slow[i] / fast[i]);
    const Median time = median_of(slow), ratio = median_of(ratios);
    found.time += time.low <= 0.010 && 0.010 <= time.high;
    found.ratio += ratio.low <= 2.5 && 2.5 <= ratio.high;
    found.width += (time.high - time.low) / experiments;
  }
  return found;
}

}  // namespace

TEST_CASE("a known duration and a known ratio lie in their intervals as often as they say") {
  for (const double disturbance : {0.0, 0.1}) {
    INFO(disturbance);
    const Coverage found = measure(disturbance, /*noise=*/0.03);
    // 96.5 % is what order statistics 4 and 12 of 15 cover; its standard error here is .8 %.
    CHECK(found.time >= 0.945 * experiments);
    CHECK(found.ratio >= 0.945 * experiments);
    CHECK(found.time <= 0.985 * experiments);  // and they are no wider than they need to be
    CHECK(found.ratio <= 0.985 * experiments);
  }
}

TEST_CASE("a known noise is found in the width of the interval") {
  // Between order statistics 4 and 12 of 15 normal numbers lie 1.44 standard deviations in the mean (E = +-.715 of 4th
  // and 12th: Harter, Biometrika 48, 1961).
  for (const double noise : {0.01, 0.05}) {
    INFO(noise);
    CHECK(measure(0, noise).width == Approx(0.010 * 2 * 0.715 * noise).epsilon(0.05));
  }
  CHECK(measure(0, 0).width == 0);
}
