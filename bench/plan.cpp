// SPDX-License-Identifier: Apache-2.0
// What it takes to pack the weights of a schedule's timesteps, beside the forward passes that use them.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <chrono>
#include <limits>

#include "dit/engines.h"

using namespace dydit;
using torch::Tensor;

namespace {

constexpr std::int64_t steps = 50;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

dit::DiT random_dydit(const std::string& name) {
  torch::NoGradGuard no_grad;
  dit::DiT dit(dit::published(name));
  dit->initialise(0);
  for (auto& item : dit->named_parameters())
    if (item.key().find("adaLN") != std::string::npos) item.value().normal_(0, 0.02);
  dit->eval();
  return dit;
}

// Heads and channels of every step (steps,depth,H), each unit on with probability 1/2. One in `period` layers decides
// anew from a step to the next.
engine::Masks random_widths(const dit::Configuration& c, std::int64_t period) {
  torch::manual_seed(0);
  const auto random = [&] {
    Tensor mask = torch::rand({steps, c.depth, c.num_heads}) < 0.5;
    mask.select(2, 0).fill_(true);
    for (std::int64_t step = 1; step < steps; ++step)
      for (std::int64_t layer = 0; layer < c.depth; ++layer)
        if ((step + layer) % period != 0) mask[step][layer] = mask[step - 1][layer];
    return mask;
  };
  return {random(), random(), {}};
}

void plan(benchmark::State& state, const std::string& name, std::int64_t batch, std::int64_t period,
          std::size_t budget) {
  torch::InferenceMode inference;
  const dit::DiT dit = random_dydit(name);
  const auto& c = dit->configuration;
  const engine::Masks widths = random_widths(c, period);
  const Tensor x = torch::randn({batch, c.in_channels, c.input_size, c.input_size}),
               t = torch::zeros({batch}, torch::kInt64), y = t;
  const auto run = [&](engine::Engine& engine) {
    const double begin = seconds();
    for (std::int64_t step = 0; step < steps; ++step) {
      const auto of = [&](std::size_t axis) { return widths[axis][step].expand({batch, -1, -1}); };
      engine.forward({x, t, y}, {of(dit::axis::heads), of(dit::axis::channels), {}});
    }
    return seconds() - begin;
  };
  const auto unlimited = [&] {
    return dit::compact_engine(dit, {.packing_budget = std::numeric_limits<std::size_t>::max()});
  };
  run(*unlimited());  // the kernels of all widths are compiled once
  for ([[maybe_unused]] auto _ : state) {
    double packed = 0;  // of passes for which everything was packed before
    {
      const auto ready = unlimited();
      ready->plan(widths);
      packed = run(*ready);
    }
    const auto engine = dit::compact_engine(dit, {.packing_budget = budget});
    const double begin = seconds();
    engine->plan(widths);
    const double planning = seconds() - begin, whole = planning + run(*engine);
    state.counters["plan_ms"] = 1e3 * planning;
    state.counters["passes_ms"] = 1e3 * packed;
    state.counters["plan_percent"] = 100 * planning / (planning + packed);
    state.counters["packing_percent"] = 100 * (1 - packed / whole);  // also within the passes
    state.counters["packed_MB"] = 1e-6 * static_cast<double>(engine->packed_bytes());
  }
}

[[maybe_unused]] const bool registered = [] {
  for (const std::string model : {"DyDiT-S/2", "DyDiT-B/2"})
    for (const std::int64_t batch : {4, 8})
      for (const std::int64_t period : {1, 5})
        for (const std::int64_t megabytes : {16, 4096}) {
          const std::string name =
              fmt::format("plan/{}/batch:{}/layers_that_change:1_in_{}/budget_MB:{}", model, batch, period, megabytes);
          benchmark::RegisterBenchmark(name.c_str(),
                                       [=](benchmark::State& state) {
                                         plan(state, model, batch, period, static_cast<std::size_t>(megabytes) << 20);
                                       })
              ->UseRealTime()
              ->Unit(benchmark::kMillisecond)
              ->Iterations(1);
        }
  return true;
}();

}  // namespace
