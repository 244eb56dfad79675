// SPDX-License-Identifier: Apache-2.0
// The kernels of src/gpu, each held against its reference before and after it is timed. What is timed are replays of a
// graph of some runs, so that the host's launches take no part; a run finds in the cache what the one before left.
// MACs/s, bytes/s and `of_copy` as in kernels.cpp; `sm_clock`, in Hz, is the multiprocessors' meanwhile: with
// --benchmark_min_time=0.5 that of a GPU under load. Ways: the one that the engine takes ("fastest"), and others by
// themselves. A whole block's, ours and the libraries', tell how far ours are from their floor under the same load.
#include "gpu_kernels.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "gpu/attention.h"
#include "gpu/clock.h"
#include "gpu/product.h"
#include "gpu/support.h"
#include "instrument/ceilings.h"
#include "suites.h"

namespace dydit::bench {

using torch::Tensor;

namespace gpu_kernels {

void require_close(const char* what, double distance, double bound) {
  if (!(distance <= bound))
    throw RunError("the kernel disagrees with its reference", what,
                   fmt::format("by {:.3g}, where rounding explains {:.3g}", distance, bound));
}

Block::Block(const Subject& subject, const char* which, double keep)
    : dit(subject.network("DyDiT")),
      in(subject.inputs(dit)),
      n(subject.batch),
      t(dit->configuration.tokens()),
      d(dit->configuration.hidden_size),
      options(subject.options()) {
  x = numbers({n, t, d}, 0);
  modulation = 0.5 * numbers({n, 6 * d}, 1);
  const engine::Masks masks = subject.masks(dit, which, keep);
  const auto first_block = [&](std::size_t axis) {
    const Tensor units = masks[axis][0][0].cpu();
    return std::vector<bool>(units.const_data_ptr<bool>(), units.const_data_ptr<bool>() + units.numel());
  };
  heads = first_block(dit::axis::heads);
  groups = first_block(dit::axis::channels);
  tokens = masks[dit::axis::tokens].select(1, 0);
  const Tensor on = tokens.flatten().nonzero().squeeze(1);
  routed = on.numel();
  if (keep == 1) return;
  rows = torch::zeros({n * t}, options.dtype(torch::kInt32));
  rows.narrow(0, 0, routed).copy_(on);
  count = torch::full({1}, routed, options.dtype(torch::kInt32));
}

Tensor Block::numbers(at::IntArrayRef sizes, std::uint64_t which) const {
  torch::manual_seed(which);  // the host would take seconds for so many
  return torch::randn(sizes, options);
}

Tensor Block::part(std::int64_t which) const { return modulation.narrow(1, which * d, d); }

}  // namespace gpu_kernels

namespace {

using namespace gpu_kernels;

struct Kernel {
  const char* name;
  std::vector<double> keep;
  Case (*make)(Block& block, const std::string& way);
  // A library has ways to `library_products` and `attentions`.
  enum Ways { one, products, library_products, residuals, attentions, blocks } ways = one;
  const char* which = "both";
};

constexpr double all = 1, half = 0.5;
const Kernel kernels[] = {{"qkv", {all, half}, qkv, Kernel::library_products},
                          {"proj", {all, half}, proj, Kernel::residuals},
                          {"fc1", {all}, fc1, Kernel::library_products},
                          {"fc1", {half}, fc1, Kernel::products},
                          {"fc2", {all, half}, fc2, Kernel::residuals},
                          {"adaln", {all}, adaln, Kernel::library_products},
                          {"attention", {all, half}, attention, Kernel::attentions},
                          {"norm", {all}, norm},
                          {"route", {all, half}, route},
                          {"route_and_router", {all, half}, route_and_router},
                          {"embed_patches", {all}, embed_patches},
                          {"condition", {all}, condition},
                          {"final_layer", {all}, final_layer},
                          {"block", {all, half}, block, Kernel::blocks},
                          {"block_of_widths", {half}, block, Kernel::blocks, "widths"}};

void time_case(State& state, const Subject& subject, double keep, const Kernel& kernel, const std::string& way) {
  const torch::InferenceMode inference;
  // A graph is captured in no default stream; what it reads is made in the same one.
  const c10::cuda::CUDAStreamGuard stream(
      c10::cuda::getStreamFromPool(/*isHighPriority=*/false, subject.device.index()));
  Block block(subject, kernel.which, keep);
  torch::cuda::synchronize();  // weights that are kept were made in another stream
  const Case c = kernel.make(block, way);
  c.check();
  at::cuda::CUDAGraph graph;
  graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  if (c.counts.defined()) c.counts.zero_();
  for (int run = 0; run < runs; ++run) c.run(run);
  graph.capture_end();
  const auto replay = [&] { graph.replay(); };
  if (c.moves) {
    const auto copy = instrument::copy_ceiling(subject.device, static_cast<std::int64_t>(c.bytes / 2));
    const double times_as_fast = time_beside(
        state, subject.device, replay, [&] { copy.variant.run(0); }, runs);
    state.counters["of_copy"] = times_as_fast * runs * c.bytes / copy.amount;
  } else {
    warm_up(subject.device, replay);
    const auto clock = gpu::clock_meter(subject.device);
    instrument::Stopwatch watch(subject.device);
    clock->begin();
    watch.start();
    while (state.KeepRunningBatch(runs)) replay();
    watch.stop();
    clock->end();
    state.SetIterationTime(watch.seconds());
    if (const auto megahertz = clock->megahertz()) state.counters["sm_clock"] = 1e6 * *megahertz;
  }
  c.check();
  if (c.macs > 0) count_macs(state, c.macs);
  count_bytes(state, c.bytes);
}

// Names alone: which ways there are to products.
std::vector<std::string> product_ways(torch::Device device, std::int64_t rows, Kernel::Ways ways) {
  const auto numbers = [&](at::IntArrayRef sizes) {
    return torch::zeros(sizes, torch::TensorOptions(device).dtype(torch::kBFloat16));
  };
  std::vector<std::string> names{fastest};
  bool has_library = false;
  const gpu::Product product{
      .epilogue = ways == Kernel::residuals ? gpu::Epilogue::gated_residual : gpu::Epilogue::bias,
      .x = numbers({rows, 64}),
      .weight = numbers({64, 64}),
      .bias = numbers({64}),
      .out = numbers({rows, 64}),
      .gate = numbers({1, 64}),
      .tokens = rows};
  for (const gpu::Way& way : gpu::ways(product)) {
    if (way.of_library && (ways != Kernel::library_products || has_library))
      continue;  // the one that it expects to be fastest
    has_library |= way.of_library;
    names.push_back(way.name);
  }
  return names;
}

std::vector<std::string> ways_of(const Kernel& kernel, torch::Device device, std::int64_t images) {
  constexpr std::int64_t tokens = 256;  // of the models below
  if (kernel.ways == Kernel::one) return {""};
  if (kernel.ways == Kernel::blocks) return {ours, libraries};
  if (kernel.ways != Kernel::attentions) return product_ways(device, images * tokens, kernel.ways);
  std::vector<std::string> names{fastest};
  const torch::Tensor qkv = torch::empty({1, tokens, 3 * 72}, torch::TensorOptions(device).dtype(torch::kBFloat16));
  for (const gpu::AttentionWay& way : gpu::attention_ways(qkv, 1)) names.push_back(way.name);
  return names;
}

void add_cases(const Subject& subject) {
  for (const Kernel& kernel : kernels)
    for (const double keep : kernel.keep)
      for (const std::string& way : ways_of(kernel, subject.device, subject.batch)) {
        Axes axes{{"keep", keep}, {"kernel", kernel.name}};
        std::string word = way;
        std::ranges::replace(word, ' ', '_');
        if (!way.empty()) axes.emplace_back("way", word);
        add("gpu_kernel", subject.axes(axes), [=, &kernel](State& state) {
          time_case(state, subject, keep, kernel, way);
        })->Unit(benchmark::kMicrosecond);
      }
}

}  // namespace

void add_gpu_kernels() {
  for (const torch::Device device : devices()) {
    if (device.is_cpu()) continue;
    if (const std::string why = gpu::lacks(device, torch::kBFloat16); !why.empty()) {
      fmt::print(stderr, "dydit_bench: no suite gpu_kernel: {}\n", why);
      continue;
    }
    for (const char* model : {"S-2", "B-2", "XL-2"})
      for (const std::int64_t batch : {2, 64}) add_cases({device, model, batch, torch::kBFloat16});
  }
}

}  // namespace dydit::bench
