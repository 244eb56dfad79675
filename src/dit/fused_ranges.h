// SPDX-License-Identifier: Apache-2.0
// The ranges that the kernels of src/gpu are in, with what those do: multiply-accumulates, and bytes where each number
// of activations and of products' weights is read or written once.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/range.h"
#include "gpu/embed.h"
#include "gpu/product.h"
#include "gpu/reuse.h"
#include "gpu/tokens.h"
#include "known_tensor.h"

namespace dydit::dit {

/// How many tokens masks have on, for ranges of what is routed. Who imposes a mask anew gives the same tensor, and
/// nobody waits for the GPU again.
class CountedTokens {
 public:
  /// Of each layer of a mask (n,depth,T).
  const std::vector<double>& of(const torch::Tensor& mask);

 private:
  std::vector<std::pair<KnownTensor, std::vector<double>>> counted_;
};

/// The embedding of so many images' timesteps and labels, by weights that are read once.
RangeInfo conditioning_range(const gpu::Conditioner& conditioner, std::int64_t images);
/// A product of so many rows; of a number that nobody knows nothing is told.
RangeInfo product_range(const char* name, const gpu::Product& product, std::optional<double> rows);
/// A norm of x.
RangeInfo norm_range(const torch::Tensor& x);
/// Scores and mixing of qkv (n T,3 W), over so many tokens.
RangeInfo attention_range(const torch::Tensor& qkv, std::int64_t tokens);
/// The logits of tokens, where a product makes them.
RangeInfo router_range(const gpu::Route& route);
/// Of tokens of which so many are on, with their logits where the same kernel makes those.
RangeInfo route_range(const gpu::Route& route, std::optional<double> on);
/// What is reused, each number of it and of the stream moved once.
RangeInfo reuse_range(const gpu::Reuse& reuse);
/// Patches to tokens, or tokens to patches, by a weight of D x the numbers of a patch.
RangeInfo narrow_range(const char* name, const torch::Tensor& weight, std::int64_t rows);

}  // namespace dydit::dit
