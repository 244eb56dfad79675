// SPDX-License-Identifier: Apache-2.0
// What it takes to pack the weights of a schedule's timesteps, which is what is timed, beside the forward passes that
// use them.
#include <limits>

#include "dit/engines.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

using torch::Tensor;

constexpr std::int64_t steps = 50;

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

void plan(State& state, const Subject& subject, std::int64_t period, std::size_t budget) {
  const torch::InferenceMode inference;
  const dit::DiT dit = subject.network("DyDiT");
  const engine::Masks widths = random_widths(dit->configuration, period);
  const model::Inputs in = subject.inputs(dit);
  const auto passes = [&](engine::Engine& engine) {
    instrument::Stopwatch watch(subject.device);
    watch.start();
    for (std::int64_t step = 0; step < steps; ++step) {
      const auto of = [&](std::size_t axis) { return widths[axis][step].expand({subject.batch, -1, -1}); };
      engine.forward(in, {of(dit::axis::heads), of(dit::axis::channels), {}});
    }
    watch.stop();
    return watch.seconds();
  };
  const auto unlimited = [&] {
    return dit::compact_engine(dit, {.packing_budget = std::numeric_limits<std::size_t>::max()});
  };
  passes(*unlimited());  // the kernels of all widths are compiled once
  for ([[maybe_unused]] auto _ : state) {
    double packed = 0;  // of passes for which everything was packed before
    {
      const auto ready = unlimited();
      ready->plan(widths);
      packed = passes(*ready);
    }
    const auto engine = dit::compact_engine(dit, {.packing_budget = budget});
    instrument::Stopwatch watch(subject.device);
    watch.start();
    engine->plan(widths);
    watch.stop();
    const double planning = watch.seconds(), whole = planning + passes(*engine);
    state.SetIterationTime(planning);
    state.counters["passes_ms"] = 1e3 * packed;
    state.counters["plan_percent"] = 100 * planning / (planning + packed);
    state.counters["packing_percent"] = 100 * (1 - packed / whole);  // also within the passes
    state.counters["packed_MB"] = 1e-6 * static_cast<double>(engine->packed_bytes());
  }
}

}  // namespace

void add_plans() {
  for (const char* model : {"S-4", "S-2", "B-2"})
    for (const std::int64_t batch : {4, 8})
      for (const std::int64_t period : {1, 5})
        for (const std::int64_t megabytes : {16, 4096}) {
          const Subject subject{torch::kCPU, model, batch, torch::kFloat32};
          const std::string changing = fmt::format("1_in_{}", period);
          add("plan", subject.axes({{"layers_that_change", changing}, {"budget_MB", megabytes}}), [=](State& state) {
            plan(state, subject, period, static_cast<std::size_t>(megabytes) << 20);
          })->Iterations(1);
        }
}

}  // namespace dydit::bench
