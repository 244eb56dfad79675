// SPDX-License-Identifier: Apache-2.0
// What a block does to its tokens between products, on a Hopper GPU in bfloat16 or float16, each in one kernel that
// moves a row once. Shapes: the stream x (N,T,D); shift and scale (N,D), whose rows may lie apart.
#pragma once

#include <torch/types.h>

#include "gpu/around.h"

namespace dydit::gpu {

/// LN(x) (1 + scale) + shift into `out` (N,T,D); LN without affine, eps 1e-6.
void modulated_norm(const torch::Tensor& x, const torch::Tensor& shift, const torch::Tensor& scale,
                    const torch::Tensor& out, const Around& around = {});

/// DyDiT's router over tokens, W2 relu(W1 x + b1) + b2: (R,D), (R), (1,R), (1).
struct TokenRouter {
  torch::Tensor weight1 = {}, bias1 = {}, weight2 = {}, bias2 = {};
};

/// Whether there is a kernel for routers of a hidden width R.
bool has_token_router(std::int64_t width, std::int64_t hidden);

struct Route {
  torch::Tensor x = {}, shift = {}, scale = {};
  TokenRouter router = {};     ///< undefined tensors: none is run
  torch::Tensor imposed = {};  ///< bool (N,T), in the place of its decisions; undefined: the router decides
  torch::Tensor on = {};       ///< bool (N,T); images of these three may lie apart
  torch::Tensor logits = {};   ///< float (N,T); undefined: they are not kept
  bool has_logits = false;     ///< they are there, by `token_logits`, and the router is not run
  torch::Tensor out = {};      ///< (N T,D): modulated norms of the tokens that are on, in any order
  torch::Tensor rows = {};     ///< int32 (N T): which of x's rows each is
  torch::Tensor count = {};    ///< int32, of one number, 0 before: how many are on
  Around around = {};
};
/// On where sigmoid(logit) > 0.5, logits of float32 sums; the numbers beyond `count` are left as they were.
void route(const Route& route);

/// The router's logits alone, of x into `logits`, by a product.
void token_logits(const Route& route);
/// Whether that is faster for so many tokens, although it is a kernel more.
bool logits_apart(std::int64_t tokens);

/// The same by LibTorch's operators, in float32: the references. `route` gives rows in ascending order.
namespace plain {
torch::Tensor modulated_norm(const torch::Tensor& x, const torch::Tensor& shift, const torch::Tensor& scale);
torch::Tensor logits(const torch::Tensor& x, const TokenRouter& router);  ///< float (N,T)
}  // namespace plain

}  // namespace dydit::gpu
