// SPDX-License-Identifier: Apache-2.0
#include "instrument/interleaved.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/faults.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "base/random.h"
#include "instrument/stopwatch.h"

namespace dydit::instrument {

namespace {

struct Running {
  const Variant* variant;
  std::int64_t passes = 1;  // of a block
  std::int64_t pass = 0;    // the next one

  // Seconds of each of `count` passes.
  std::vector<double> run(std::int64_t count, torch::Device device) {
    Stopwatch watch(device);
    for (std::int64_t i = 0; i < count; ++i) {
      stop_if_interrupted();
      watch.start();
      variant->run(pass++);
      watch.stop();
    }
    return watch.laps();
  }
};

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::int64_t block) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed, Purpose::order, static_cast<std::uint64_t>(block));
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
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
    times = {.blocks = {}, .error = one_line(error)};
  }
}

}  // namespace

std::vector<Times> interleaved(const std::vector<Variant>& variants, const Blocks& blocks, torch::Device device,
                               const std::function<void()>& after_block) {
  std::vector<Running> running;
  for (const Variant& variant : variants) running.push_back({&variant});
  std::vector<Times> times(variants.size());
  constexpr std::int64_t warm_up = 3;
  // So that all samples of a variant fit into a record.
  const double most_passes = std::clamp(100'000.0 / static_cast<double>(blocks.count), 1.0, 1000.0);
  for (std::size_t i = 0; i < variants.size(); ++i)
    guarded(times[i], [&] {
      const double seconds = std::max(running[i].run(warm_up, device).back(), 1e-9);
      running[i].passes = static_cast<std::int64_t>(std::clamp(std::ceil(blocks.seconds / seconds), 1.0, most_passes));
    });
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    for (const std::size_t i : shuffled(variants.size(), blocks.seed, block))
      if (times[i].error.empty())
        guarded(times[i], [&] {
          --running[i].pass;          // the last input again: those that count go through all of them in turn
          running[i].run(1, device);  // finds the caches as the variant before left them
          times[i].blocks.push_back(running[i].run(running[i].passes, device));
        });
    after_block();
  }
  return times;
}

std::vector<double> block_medians(const Times& times) {
  std::vector<double> medians;
  for (const auto& block : times.blocks) medians.push_back(median_of(block).value);
  return medians;
}

}  // namespace dydit::instrument
