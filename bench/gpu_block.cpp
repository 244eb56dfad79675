// SPDX-License-Identifier: Apache-2.0
// A block's kernels one after the other. Those of libraries alone are what the floor of a pass is made of; here they
// run for as long as ours, at the clock that the card keeps then.
#include <torch/torch.h>

#include <algorithm>
#include <memory>

#include "gpu/attention.h"
#include "gpu_kernels.h"

namespace dydit::bench::gpu_kernels {

using torch::Tensor;

static std::vector<Case> of_engine(Block& b) {
  const bool routes = b.count.defined();
  return {norm(b, ""),
          qkv(b, fastest),
          attention(b, fastest),
          proj(b, fastest),
          routes ? route_and_router(b, "") : norm(b, ""),
          fc1(b, fastest),
          fc2(b, fastest)};
}

// As much as both norms have to move.
static Case copies(Block& b) {
  const Tensor x = b.x, all = torch::empty_like(x), on = torch::empty({b.routed, b.d}, b.options);
  return {.run =
              [=](int) {
                all.copy_(x);
                on.copy_(x.flatten(0, 1).narrow(0, 0, on.size(0)));
              },
          .check = [] {},
          .bytes = bytes_of(2 * (x.numel() + on.numel()))};
}

static std::vector<Case> of_libraries(Block& b) {
  std::vector<Case> cases = products_of_library(b);
  const std::int64_t heads = std::ranges::count(b.heads, true);
  const Tensor qkv = b.numbers({b.n, b.t, 3 * heads * b.dit->configuration.head_size()}, 2);
  const auto ways = gpu::those_that_run(gpu::library_attention_ways(), qkv, heads);
  const auto timed = gpu::measure(gpu::trials_of(ways, qkv, heads), qkv.device());
  const auto best = std::ranges::min_element(timed, {}, &gpu::Timed::median) - timed.begin();
  cases.insert(cases.begin() + 1, attention(b, ways.at(static_cast<std::size_t>(best)).name));
  cases.push_back(copies(b));
  return cases;
}

Case block(Block& b, const std::string& way) {
  const auto parts = std::make_shared<const std::vector<Case>>(way == ours ? of_engine(b) : of_libraries(b));
  Case c{.run =
             [parts](int run) {
               for (const Case& part : *parts) part.run(run);
             },
         .check =
             [parts, x = b.x, before = b.x.clone()] {
               for (const Case& part : *parts) {
                 x.copy_(before);  // which residuals are added to
                 part.check();
               }
             }};
  for (const Case& part : *parts) {
    c.macs += part.macs;
    c.bytes += part.bytes;
    if (part.counts.defined()) c.counts = part.counts;
  }
  return c;
}

}  // namespace dydit::bench::gpu_kernels
