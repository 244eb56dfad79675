// SPDX-License-Identifier: Apache-2.0
// Kernels of our own and what else works between a block's products, at the shapes of a model's block; keep is the
// share of heads or tokens. MACs/s and bytes/s are of what a kernel must do, whatever it really does. Where bytes bound
// it, `of_copy` is its rate over that of the copy beside it (instrument/ceilings.h). A GPU takes the plain formulas for
// most of them.
#include <algorithm>

#include "base/random.h"
#include "dit/packing.h"
#include "instrument/ceilings.h"
#include "instrument/interleaved.h"
#include "model/attention.h"
#include "model/fused.h"
#include "routing.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

using torch::Tensor;

// What a kernel works on: activations of a block, and what is on in it.
struct Block {
  Block(const Subject& subject, double keep)
      : dit(subject.network("DyDiT")),
        n(subject.batch),
        t(dit->configuration.tokens()),
        d(dit->configuration.hidden_size),
        device(subject.device),
        size(static_cast<double>(c10::elementSize(subject.dtype))) {
    const auto numbers = [&](at::IntArrayRef sizes, std::uint64_t which) {
      return instrument::operand(sizes, which, subject.options());
    };
    x = numbers({n, t, d}, 0);
    y = numbers({n, t, d}, 1);
    vector = numbers({n, d}, 2);
    closed = torch::zeros_like(vector);
    const engine::Masks masks = subject.masks(dit, "both", keep);
    heads = dit::units_of(masks[dit::axis::heads][0].cpu()).front();
    groups = dit::units_of(masks[dit::axis::channels][0].cpu()).front();
    tokens = masks[dit::axis::tokens].select(1, 0).contiguous();
    routed = dit::routed_of(tokens);
    heads_on = std::ranges::count(heads, true);
    qkv = numbers({n, t, 3 * heads_on * dit->configuration.head_size()}, 3);
  }
  double bytes(std::int64_t numbers) const { return size * static_cast<double>(numbers); }

  dit::DiT dit;
  std::int64_t n, t, d;
  torch::Device device;
  double size;          // of a number
  Tensor x, y, vector;  // (N,T,D), (N,T,D), (N,D)
  Tensor closed;        // (N,D): a gate with which x stays as it is
  Tensor tokens, qkv;   // (N,T), (N,T,3 W)
  dit::Units heads, groups;
  std::int64_t heads_on = 0;
  dit::Routed routed;
};

template <typename Pass>
void time_bytes(State& state, const Block& block, double bytes, const Pass& pass) {
  const auto copy = instrument::copy_ceiling(block.device, static_cast<std::int64_t>(bytes / 2));
  const double times_as_fast = time_beside(state, block.device, pass, [&] { copy.variant.run(0); });
  state.counters["of_copy"] = times_as_fast * bytes / copy.amount;
  count_bytes(state, bytes);
}

void norm(State& state, Block& b) {
  time_bytes(state, b, 2 * b.bytes(b.x.numel()), [&] { model::modulated_norm(b.x, b.vector, b.vector); });
}

void residual_norm(State& state, Block& b) {
  time_bytes(state, b, 4 * b.bytes(b.x.numel()),
             [&] { b.x = model::gated_residual_norm(std::move(b.x), b.y, b.closed, b.vector, b.vector).first; });
}

void residual(State& state, Block& b) {
  time_bytes(state, b, 3 * b.bytes(b.x.numel()), [&] { b.x = model::gated_residual(std::move(b.x), b.y, b.closed); });
}

// The rows of routed tokens, normed.
void gather(State& state, Block& b) {
  time_bytes(state, b, b.bytes((b.routed.rows.numel() + b.routed.height) * b.d),
             [&] { model::modulated_norm_rows(b.x, b.routed.rows, b.vector, b.vector, b.routed.height); });
}

// What the MLP made of them, added where they lie.
void scatter(State& state, Block& b) {
  const Tensor rows = b.y.flatten(0, 1).narrow(0, 0, b.routed.rows.numel());
  time_bytes(state, b, 3 * b.bytes(rows.numel()), [&] { model::add_gated_rows(b.x, b.routed.rows, rows, b.closed); });
}

// Which rows they are. On a GPU the host waits for their number.
void compaction(State& state, Block& b) {
  time(state, b.device, [&] { dit::routed_of(b.tokens); });
  count_bytes(state, static_cast<double>(b.tokens.nbytes() + b.routed.rows.nbytes()));
}

void attention(State& state, Block& b) {
  time(state, b.device, [&] { model::attention(b.qkv, b.heads_on); });
  count_macs(state, 2 * static_cast<double>(b.n * b.t * b.t * b.heads_on * b.dit->configuration.head_size()));
}

// A product with few rows, which reads the weight once.
void adaln(State& state, Block& b) {
  auto* const linear = b.dit->block(0).adaLN_modulation[1]->as<model::Linear>();
  time_bytes(state, b, b.bytes(linear->weight.numel()), [&] { linear->forward(b.vector); });
  count_macs(state, static_cast<double>(b.n * linear->weight.numel()));
}

void token_router(State& state, Block& b) {
  time(state, b.device, [&] { b.dit->block(0).token_selection(b.x); });
  count_macs(state, static_cast<double>(b.n * b.t * (b.d + 1) * b.dit->configuration.token_router_width()));
}

// The weights of the heads and groups that are on, of one block.
void pack(State& state, Block& b) {
  dit::Packing packing(b.dit, /*budget=*/0);  // keeps none
  time(state, b.device, [&] {
    packing.attention(0, b.heads);
    packing.mlp(0, b.groups);
  });
  const auto& c = b.dit->configuration;
  const std::int64_t width = 4 * b.heads_on * c.head_size() + 2 * std::ranges::count(b.groups, true) * c.group_size();
  count_bytes(state, 2 * b.bytes(width * b.d));  // read and written
}

void normal_noise(State& state) {
  std::vector<float> noise(3 * 32 * 32);
  std::uint64_t image = 0;
  time(state, torch::kCPU, [&] {
    Random(0, Purpose::noise, image++).fill_normal(noise);
    benchmark::DoNotOptimize(noise.data());
  });
  count_items(state, static_cast<std::int64_t>(noise.size()));
}

struct Kernel {
  const char* name;
  std::vector<double> keep;
  void (*run)(State&, Block&);
};

}  // namespace

void add_kernels() {
  static const Kernel kernels[] = {{"norm", {1}, norm},
                                   {"residual_norm", {1}, residual_norm},
                                   {"residual", {1}, residual},
                                   {"gather", {0.5}, gather},
                                   {"scatter", {0.5}, scatter},
                                   {"compaction", {0.5}, compaction},
                                   {"attention", {1, 0.5}, attention},
                                   {"adaln", {1}, adaln},
                                   {"token_router", {1}, token_router},
                                   {"pack", {0.5}, pack}};
  for (const Subject& subject : subjects())
    for (const Kernel& kernel : kernels)
      for (const double keep : kernel.keep)
        add("kernel", subject.axes({{"keep", keep}, {"kernel", kernel.name}}), [=](State& state) {
          const torch::InferenceMode inference;
          Block block(subject, keep);
          kernel.run(state, block);
        })->Unit(benchmark::kMicrosecond);
  add("kernel", {device_axis(torch::kCPU), {"values", 3 * 32 * 32}, {"kernel", "normal_noise"}}, normal_noise)
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace dydit::bench
