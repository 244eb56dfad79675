// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "distance.h"
#include "gpu/attention.h"
#include "gpu/tokens.h"
#include "gpu_kernels.h"

namespace dydit::bench::gpu_kernels {

using test::rel_l2;
using torch::Tensor;

Case attention(Block& b, const std::string& way) {
  const std::int64_t heads = std::ranges::count(b.heads, true), size = b.dit->configuration.head_size();
  const Tensor qkv = b.numbers({b.n, b.t, 3 * heads * size}, 2);
  const auto parts = qkv.to(torch::kFloat64).view({b.n, b.t, 3, heads, size}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor weights =
      torch::softmax(parts[0].matmul(parts[1].transpose(2, 3)) / std::sqrt(static_cast<double>(size)), 3);
  const Tensor expected = weights.matmul(parts[2]).transpose(1, 2).reshape({b.n, b.t, heads * size});
  std::function<Tensor()> attend;
  if (way == fastest) {
    attend = [=, all = std::make_shared<gpu::Attentions>()] { return all->run(qkv, heads); };
  } else {
    const auto all = gpu::attention_ways(qkv, heads);
    const auto one = std::ranges::find(all, way, &gpu::AttentionWay::name);
    if (one == all.end()) throw RunError("no such attention of this shape", way);
    attend = [=, run = one->run] { return run(qkv, heads, {}); };
  }
  return {.run = [attend](int) { attend(); },
          .check = [=] { require_close("attention", rel_l2(attend(), expected), 3 * rounding); },
          .macs = 2 * static_cast<double>(b.n * b.t * b.t * heads * size),
          .bytes = bytes_of(qkv.numel() + expected.numel())};
}

Case norm(Block& b, const std::string&) {
  const Tensor shift = b.part(0), scale = b.part(1), out = torch::empty_like(b.x), x = b.x;
  return {.run = [=](int) { gpu::modulated_norm(x, shift, scale, out); },
          .check =
              [=] {
                out.fill_(std::nan(""));
                gpu::modulated_norm(x, shift, scale, out);
                require_close("norm", rel_l2(out, gpu::plain::modulated_norm(x, shift, scale)), rounding);
              },
          .bytes = bytes_of(2 * x.numel()),
          .moves = true};
}

static void check_route(const gpu::Route& r) {
  const auto count = r.count.item<int>();
  const Tensor rows = r.rows.narrow(0, 0, count).to(torch::kInt64);
  if (!torch::equal(r.on, r.imposed) ||
      !torch::equal(std::get<0>(rows.sort()), r.imposed.flatten().nonzero().squeeze(1)))
    throw RunError("the kernel disagrees with its reference", "rows that were routed");
  const Tensor normed = gpu::plain::modulated_norm(r.x, r.shift, r.scale).flatten(0, 1);
  require_close("routed rows", rel_l2(r.out.narrow(0, 0, count), normed.index_select(0, rows)), rounding);
  if (r.router.weight1.defined())
    require_close("logits", test::max_abs(r.logits, gpu::plain::logits(r.x, r.router)), 1e-4);
}

static Case routed(Block& b, const gpu::TokenRouter& router) {
  const bool runs_router = router.weight1.defined();
  gpu::Route r{.x = b.x, .shift = b.part(3), .scale = b.part(4), .router = router, .imposed = b.tokens};
  r.on = torch::zeros({b.n, b.t}, b.options.dtype(torch::kBool));
  if (runs_router) r.logits = torch::zeros({b.n, b.t}, b.options.dtype(torch::kFloat32));
  r.has_logits = runs_router && gpu::logits_apart(b.n * b.t);
  r.out = torch::empty({b.n * b.t, b.d}, b.options);
  r.rows = torch::zeros({b.n * b.t}, b.options.dtype(torch::kInt32));
  Case c{.run = {}, .check = {}};
  c.counts = torch::zeros({runs}, b.options.dtype(torch::kInt32));
  c.run = [r, counts = c.counts](int run) mutable {
    r.count = counts.narrow(0, run, 1);
    if (r.has_logits) gpu::token_logits(r);
    gpu::route(r);
  };
  c.check = [r, run = c.run, counts = c.counts]() mutable {
    counts.zero_();
    r.out.fill_(std::nan(""));
    run(0);
    r.count = counts.narrow(0, 0, 1);
    check_route(r);
  };
  const std::int64_t rows_read = (runs_router ? b.n * b.t : 0) + (runs_router && !r.has_logits ? 0 : b.routed);
  if (runs_router) c.macs = static_cast<double>(b.n * b.t * (b.d + 1) * router.weight1.size(0));
  c.bytes = bytes_of((rows_read + b.routed) * b.d);
  c.moves = true;
  return c;
}

Case route(Block& b, const std::string&) { return routed(b, {}); }

Case route_and_router(Block& b, const std::string&) {
  const std::int64_t hidden = b.dit->configuration.token_router_width();
  return routed(b, {.weight1 = b.numbers({hidden, b.d}, 2) / std::sqrt(static_cast<double>(b.d)),
                    .bias1 = b.numbers({hidden}, 3),
                    .weight2 = b.numbers({1, hidden}, 4),
                    .bias2 = b.numbers({1}, 5)});
}

}  // namespace dydit::bench::gpu_kernels
