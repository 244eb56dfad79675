// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>

#include "base/error.h"
#include "distance.h"
#include "dit/packing.h"
#include "gpu/product.h"
#include "gpu_kernels.h"

namespace dydit::bench::gpu_kernels {

using test::rel_l2;
using torch::Tensor;

// `routed`: rows of p.x that count.
static Case product_case(const gpu::Product& p, std::int64_t routed, const std::string& way) {
  const std::int64_t n = p.weight.size(0), k = p.weight.size(1);
  const bool adds = p.epilogue == gpu::Epilogue::gated_residual;
  Case c{.run = {}, .check = {}};
  c.macs = static_cast<double>(routed * n * k);
  c.bytes = bytes_of(routed * k + n * k + (adds ? 2 : 1) * routed * n);
  if (way == fastest) {
    c.run = [p, products = std::make_shared<gpu::Products>()](int) { products->run(p); };
  } else {
    const std::vector<gpu::Way> all = gpu::ways(p);
    const auto found = std::ranges::find_if(all, [&](const gpu::Way& one) { return one.name == way; });
    if (found == all.end()) throw RunError("this product cannot be computed in this way", way);
    c.run = [p, one = *found](int) { one.run(p); };
  }
  const Tensor before = p.out.clone(), expected = gpu::plain::product(p);
  c.check = [=, run = c.run] {
    adds ? p.out.copy_(before) : p.out.fill_(std::nan(""));
    run(0);
    const std::int64_t rows = adds ? p.out.size(0) : routed;
    require_close("product", rel_l2(p.out.narrow(0, 0, rows), expected.narrow(0, 0, rows)), (adds ? 2 : 1) * rounding);
  };
  return c;
}

Case qkv(Block& b, const std::string& way) {
  const auto packed = dit::Packing(b.dit, /*budget=*/0).attention(0, b.heads);
  const Tensor& weight = packed->in.weight();
  return product_case({.x = b.x.flatten(0, 1),
                       .weight = weight,
                       .bias = packed->in.bias(),
                       .out = torch::empty({b.n * b.t, weight.size(0)}, b.options)},
                      b.n * b.t, way);
}

Case proj(Block& b, const std::string& way) {
  const auto packed = dit::Packing(b.dit, /*budget=*/0).attention(0, b.heads);
  const Tensor& weight = packed->out.weight();
  return product_case({.epilogue = gpu::Epilogue::gated_residual,
                       .x = b.numbers({b.n * b.t, weight.size(1)}, 2),
                       .weight = weight,
                       .bias = packed->out.bias(),
                       .out = b.x.flatten(0, 1),
                       .gate = b.part(2),
                       .tokens = b.t},
                      b.n * b.t, way);
}

Case fc1(Block& b, const std::string& way) {
  const auto packed = dit::Packing(b.dit, /*budget=*/0).mlp(0, b.groups);
  const Tensor& weight = packed->in.weight();
  return product_case({.epilogue = gpu::Epilogue::gelu,
                       .x = b.x.flatten(0, 1),
                       .weight = weight,
                       .bias = packed->in.bias(),
                       .out = torch::empty({b.n * b.t, weight.size(0)}, b.options),
                       .count = b.count},
                      b.routed, way);
}

Case fc2(Block& b, const std::string& way) {
  const auto packed = dit::Packing(b.dit, /*budget=*/0).mlp(0, b.groups);
  const Tensor& weight = packed->out.weight();
  return product_case({.epilogue = gpu::Epilogue::gated_residual,
                       .x = b.numbers({b.n * b.t, weight.size(1)}, 2),
                       .weight = weight,
                       .bias = packed->out.bias(),
                       .out = b.x.flatten(0, 1),
                       .count = b.count,
                       .rows = b.rows,
                       .gate = b.part(5),
                       .tokens = b.t},
                      b.routed, way);
}

std::vector<Case> products_of_library(Block& b) {
  const auto attention = dit::Packing(b.dit, /*budget=*/0).attention(0, b.heads),
             mlp = dit::Packing(b.dit, /*budget=*/0).mlp(0, b.groups);
  std::vector<Case> cases;
  for (const auto& [weight, bias, rows] : {std::tuple{attention->in.weight(), attention->in.bias(), b.n * b.t},
                                           {attention->out.weight(), attention->out.bias(), b.n * b.t},
                                           {mlp->in.weight(), mlp->in.bias(), b.routed},
                                           {mlp->out.weight(), mlp->out.bias(), b.routed}}) {
    const gpu::Product p{.x = b.numbers({rows, weight.size(1)}, 2),
                         .weight = weight,
                         .bias = bias,
                         .out = torch::empty({rows, weight.size(0)}, b.options)};
    const std::vector<gpu::Way> ways = gpu::library_ways(p);
    const std::vector<gpu::Timed> timed = gpu::measure(ways, p);
    const auto best = std::ranges::min_element(timed, {}, &gpu::Timed::median) - timed.begin();
    cases.push_back(product_case(p, rows, ways.at(static_cast<std::size_t>(best)).name));
  }
  return cases;
}

// Of all blocks and the final layer.
Case adaln(Block& b, const std::string& way) {
  std::vector<Tensor> weights, biases;
  const auto add = [&](torch::nn::Sequential& of) {
    weights.push_back(of[1]->as<model::Linear>()->weight);
    biases.push_back(of[1]->as<model::Linear>()->bias);
  };
  for (std::size_t layer = 0; layer < b.dit->blocks->size(); ++layer) add(b.dit->block(layer).adaLN_modulation);
  add(b.dit->final_layer->adaLN_modulation);
  const Tensor weight = torch::cat(weights);
  Case c = product_case({.x = b.numbers({b.n, b.d}, 2),
                         .weight = weight,
                         .bias = torch::cat(biases),
                         .out = torch::empty({b.n, weight.size(0)}, b.options)},
                        b.n, way);
  c.moves = true;
  return c;
}

}  // namespace dydit::bench::gpu_kernels
