// SPDX-License-Identifier: Apache-2.0
// Times of several variants of a piece of work that are to be compared: all of them in each block, in random order,
// so that what disturbs the machine disturbs all alike. The error of a comparison is what varies between blocks.
//
// A time is one of throughput: passes are given to the device one after the other, without waiting for it, and each is
// timed from the end of the one before to its own end. So a GPU's time does not hold what the host takes to get ahead
// of it. The latency of a variant is another quantity: one pass given to a device that has nothing else to do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "instrument/clock_meter.h"
#include "instrument/timer.h"

namespace dydit::instrument {

struct Variant {
  std::string name;
  std::function<void(std::int64_t pass)> run;  ///< `pass` counts from 0, for inputs that rotate
  std::function<void()> check = [] {};         ///< throws unless the variant computes what it should; is not timed
  bool latency = false;                        ///< measured too, in each block
};

struct Blocks {
  std::int64_t count = 15;
  double seconds = 0;  ///< a variant's passes in one block take at least about this long, but are 1,000 at most
  std::int64_t fewest_passes = 1;  ///< of a variant in one block
  bool settle = true;              ///< by a pass that does not count, before those that do
  std::uint64_t seed = 0;
};

struct Times {
  std::vector<std::vector<double>> blocks = {};  ///< seconds of each pass
  std::vector<double> latency = {};              ///< seconds, of each block
  std::vector<double> clock = {};  ///< MHz during the passes of each block that the meter could tell it of
  std::string error = {};          ///< in one line, what made the variant fail, after which it was left out
};

/// A warm-up goes on in rounds until the median pass of a round is within this share of the one before, or the bound
/// of passes or seconds is reached.
struct WarmUp {
  static constexpr std::int64_t round = 3, most_passes = 150;
  static constexpr double settled = 0.02, most_seconds = 0.4;
};

/// Checks and warms up each variant, measures the blocks, and checks again: one that fails a check has no times. In
/// each block a variant makes a pass that does not count, with the number of the last one, and then those that count:
/// what is compared is a model that runs pass after pass. Where a pass is long, it need not.
/// `after_block` is called after each block. `clock`, where there is one, is asked around the passes of each block,
/// with the one that does not count, outside of the times. Throws Interrupted between passes.
std::vector<Times> interleaved(
    const std::vector<Variant>& variants, const Blocks& blocks, Timer& timer,
    const std::function<void()>& after_block = [] {}, ClockMeter* clock = nullptr);

/// Standard normal numbers for work that is timed: the same ones in every run, for each `which` others.
torch::Tensor operand(at::IntArrayRef sizes, std::uint64_t which, const torch::TensorOptions& options);

/// The median pass of each block; empty where the variant failed.
std::vector<double> block_medians(const Times& times);

}  // namespace dydit::instrument
