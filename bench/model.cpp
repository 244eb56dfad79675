// SPDX-License-Identifier: Apache-2.0
// Forward pass and training step of the published sizes, and the parts of one block, beside the two ceilings
// of the machine: a large matrix product and a large copy. Counters: FLOP/s (two for each
// multiply-accumulate) or bytes per second of what the part must do, whatever it really does.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "cost/cost.h"
#include "dit/dit.h"
#include "model/attention.h"
#include "model/fused.h"
#include "train/optimiser.h"

namespace {

using namespace dydit;
using torch::Tensor;

void flops(benchmark::State& state, double per_iteration) {
  state.counters["FLOP/s"] = {per_iteration, benchmark::Counter::kIsIterationInvariantRate};
}
void bytes(benchmark::State& state, std::int64_t per_iteration) {
  state.counters["bytes/s"] = {static_cast<double>(per_iteration), benchmark::Counter::kIsIterationInvariantRate};
}

dit::DiT random_dit(const std::string& name) {
  dit::DiT dit(dit::published(name));
  dit->initialise(0);
  torch::NoGradGuard no_grad;
  // The published zeros would multiply everything away.
  for (auto& item : dit->named_parameters())
    if (item.key().find("adaLN") != std::string::npos) item.value().normal_(0, 0.02);
  return dit;
}

struct Batch {
  Batch(const dit::Configuration& c, std::int64_t n)
      : x(torch::randn({n, c.in_channels, c.input_size, c.input_size})),
        t(torch::randint(0, 1000, {n}, torch::kInt64)),
        y(torch::randint(0, c.num_classes, {n}, torch::kInt64)) {}
  Tensor x, t, y;
};

double forward_flops(const dit::DiT& dit, std::int64_t n) {
  return 2 * static_cast<double>(n) * cost::macs_of(dit->architecture);
}

void forward(benchmark::State& state, const std::string& name, std::int64_t n, torch::Dtype dtype) {
  torch::InferenceMode inference;
  dit::DiT dit = random_dit(name);
  dit->to(dtype);
  const Batch in(dit->configuration, n);
  dit->forward(in.x, in.t, in.y);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(dit->forward(in.x, in.t, in.y));
  state.SetItemsProcessed(state.iterations() * n);
  flops(state, forward_flops(dit, n));
}

void train_step(benchmark::State& state, const std::string& name, std::int64_t n) {
  dit::DiT dit = random_dit(name);
  train::AdamW optimiser(*dit, /*weight_decay=*/0, /*gradient_clip=*/0);
  const Batch in(dit->configuration, n);
  const auto step = [&] {
    dit->forward(in.x, in.t, in.y).square().mean().backward();
    optimiser.step(1e-4);
  };
  step();
  for ([[maybe_unused]] auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * n);
  flops(state, 3 * forward_flops(dit, n));
}

// One part of the first block on inputs of its shape.
void part(benchmark::State& state, const std::string& name, const std::string& which, std::int64_t n) {
  torch::InferenceMode inference;
  dit::DiT dit = random_dit(name);
  const auto& c = dit->configuration;
  auto* block = dit->blocks[0]->as<dit::Block>();
  const std::int64_t t = c.tokens(), d = c.hidden_size;
  Tensor x = torch::randn({n, t, d});
  const Tensor y = torch::randn({n, t, d}), closed = torch::zeros({n, d}),  // a gate with which x stays as it is
      hidden = torch::randn({n, t, c.mlp_hidden()});
  const Tensor vector = torch::randn({n, d});
  const double product = 2.0 * static_cast<double>(n * t) * static_cast<double>(d) * static_cast<double>(d);
  const std::int64_t tokens = n * t * d * 4;
  std::function<void()> run;
  if (which == "qkv") {
    run = [&] { block->attn->qkv(x); };
    flops(state, 3 * product);
  } else if (which == "attention") {
    const Tensor qkv = torch::randn({n, t, 3 * d});
    run = [&, qkv] { model::attention(qkv, c.num_heads); };
    flops(state, 4.0 * static_cast<double>(n * t) * static_cast<double>(t) * static_cast<double>(d));
  } else if (which == "projection") {
    run = [&] { block->attn->proj(x); };
    flops(state, product);
  } else if (which == "fc1_gelu") {
    run = [&] { block->mlp->fc1->gelu(x); };
    flops(state, 4 * product);
  } else if (which == "fc2") {
    run = [&] { block->mlp->fc2(hidden); };
    flops(state, 4 * product);
  } else if (which == "adaln") {
    run = [&] { block->adaLN_modulation[1]->as<model::Linear>()->forward(vector); };
    flops(state, 12.0 * static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(d));
  } else if (which == "norm") {
    run = [&] { model::modulated_norm(x, vector, vector); };
    bytes(state, 2 * tokens);
  } else if (which == "residual_norm") {
    run = [&] { x = model::gated_residual_norm(std::move(x), y, closed, vector, vector).first; };
    bytes(state, 4 * tokens);
  } else {
    run = [&] { x = model::gated_residual(std::move(x), y, closed); };
    bytes(state, 3 * tokens);
  }
  run();
  for ([[maybe_unused]] auto _ : state) run();
}

void ceiling_product(benchmark::State& state) {
  torch::InferenceMode inference;
  constexpr std::int64_t side = 2048;
  model::Linear linear(side, side);
  linear->weight.normal_();
  linear->bias.zero_();
  const Tensor x = torch::randn({side, side});
  linear->forward(x);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(linear->forward(x));
  flops(state, 2.0 * side * side * side);
}

void ceiling_copy(benchmark::State& state) {
  const Tensor from = torch::randn({64 << 20}), to = torch::empty_like(from);  // 256 MiB each
  for ([[maybe_unused]] auto _ : state) to.copy_(from);
  bytes(state, 2 * 4 * from.numel());
}

benchmark::internal::Benchmark* add(const std::string& name, std::function<void(benchmark::State&)> run) {
  return benchmark::RegisterBenchmark(name.c_str(), std::move(run))->UseRealTime()->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool registered = [] {
  add("ceiling/product", ceiling_product);
  add("ceiling/copy", ceiling_copy);
  for (const std::string model : {"DiT-S/2", "DiT-S/4", "DiT-B/4"})
    for (const std::int64_t n : {4, 8}) {
      const std::string axes = fmt::format("/model:{}-{}/batch:{}", model[4], model.back(), n);
      for (const auto& [dtype, type] : {std::pair{"float32", torch::kFloat32}, {"bfloat16", torch::kBFloat16}})
        add("forward" + axes + "/dtype:" + dtype,
            [=, type = type](benchmark::State& state) { forward(state, model, n, type); });
      add("train_step" + axes, [=](benchmark::State& state) { train_step(state, model, n); });
      for (const std::string which :
           {"norm", "qkv", "attention", "projection", "residual_norm", "fc1_gelu", "fc2", "residual", "adaln"})
        add("part" + axes + "/part:" + which, [=](benchmark::State& state) { part(state, model, which, n); });
    }
  return true;
}();

}  // namespace
