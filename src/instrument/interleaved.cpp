// SPDX-License-Identifier: Apache-2.0
#include "instrument/interleaved.h"

#include <torch/torch.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/faults.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "base/random.h"

namespace dydit::instrument {

namespace {

struct Running {
  const Variant* variant;
  std::int64_t passes = 1;  // of a block
  std::int64_t pass = 0;    // the next one

  // Seconds of each of `count` passes.
  std::vector<double> run(std::int64_t count, Timer& timer, ClockMeter* clock = nullptr) {
    if (clock != nullptr) clock->begin();
    timer.start();
    for (std::int64_t i = 0; i < count; ++i) {
      stop_if_interrupted();
      variant->run(pass++);
      timer.lap();
    }
    if (clock != nullptr) clock->end();  // before anybody waits: an idle device has another clock
    return timer.laps();
  }

  // The median pass at the end.
  double warm_up(Timer& timer) {
    double before = std::numeric_limits<double>::quiet_NaN(), spent = 0;
    while (true) {
      const std::vector<double> laps = run(WarmUp::round, timer);
      const double median = median_of(laps).value;
      spent += std::accumulate(laps.begin(), laps.end(), 0.0);
      const bool settled = std::abs(median - before) <= WarmUp::settled * before;
      if (settled || pass >= WarmUp::most_passes || spent >= WarmUp::most_seconds) return median;
      before = median;
    }
  }

  void block(Times& times, Timer& timer, ClockMeter* clock, bool settle) {
    const std::int64_t before = settle ? 1 : 0;  // it finds the caches as the variant before left them
    pass -= before;  // the last input again: those that count go through all of them in turn
    std::vector<double> laps = run(before + passes, timer, clock);
    laps.erase(laps.begin(), laps.begin() + before);
    times.blocks.push_back(std::move(laps));
    if (const auto megahertz = clock != nullptr ? clock->megahertz() : std::nullopt) times.clock.push_back(*megahertz);
    if (!variant->latency) return;
    timer.drain();
    times.latency.push_back(run(1, timer).front());
  }
};

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::int64_t block) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random(seed, Purpose::order, static_cast<std::uint64_t>(block)).shuffle(std::span(order));
  return order;
}

// Runs `work`; what it throws, but for an interrupt, becomes the variant's error.
template <typename Work>
void guarded(Times& times, const Work& work) {
  try {
    work();
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    times = {.error = one_line(error)};
  }
}

}  // namespace

std::vector<Times> interleaved(const std::vector<Variant>& variants, const Blocks& blocks, Timer& timer,
                               const std::function<void()>& after_block, ClockMeter* clock) {
  std::vector<Running> running;
  for (const Variant& variant : variants) running.push_back({&variant});
  std::vector<Times> times(variants.size());
  const auto each = [&](const std::vector<std::size_t>& order, const auto& work) {
    for (const std::size_t i : order)
      if (times[i].error.empty()) guarded(times[i], [&] { work(running[i], times[i]); });
  };
  std::vector<std::size_t> as_given(variants.size());
  std::iota(as_given.begin(), as_given.end(), std::size_t{0});
  const auto check = [](const Running& variant, const Times&) { variant.variant->check(); };
  each(as_given, check);
  each(as_given, [&](Running& variant, const Times&) {
    // So that all samples of a variant fit into a record.
    const double most_passes = std::clamp(100'000.0 / static_cast<double>(blocks.count), 1.0, 1000.0);
    const double seconds = std::max(variant.warm_up(timer), 1e-9);
    const auto enough = static_cast<std::int64_t>(std::min(std::ceil(blocks.seconds / seconds), most_passes));
    variant.passes = std::max(enough, blocks.fewest_passes);
  });
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    each(shuffled(variants.size(), blocks.seed, block),
         [&](Running& variant, Times& of_variant) { variant.block(of_variant, timer, clock, blocks.settle); });
    after_block();
  }
  each(as_given, check);
  return times;
}

torch::Tensor operand(at::IntArrayRef sizes, std::uint64_t which, const torch::TensorOptions& options) {
  const torch::Tensor numbers = torch::empty(sizes, torch::kFloat32);
  Random(/*seed=*/0, Purpose::operand, which)
      .fill_normal({numbers.data_ptr<float>(), static_cast<std::size_t>(numbers.numel())});
  return numbers.to(options);
}

std::vector<double> block_medians(const Times& times) {
  std::vector<double> medians;
  for (const auto& block : times.blocks) medians.push_back(median_of(block).value);
  return medians;
}

}  // namespace dydit::instrument
