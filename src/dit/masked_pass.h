// SPDX-License-Identifier: Apache-2.0
// The published semantics: everything is computed, and multiplied by masks.
#pragma once

#include <functional>

#include "dit/dit.h"

namespace dydit::dit {

/// The mask (N,T) of a block's tokens, by what the attention left of x (N,T,D).
using TokenMask = std::function<torch::Tensor(std::size_t layer, const torch::Tensor& x)>;

/// The output of the model under masks of any type; their gradients flow. x as DiT::forward's, heads and channels
/// (N,depth,H).
torch::Tensor masked_pass(DiT dit, const torch::Tensor& x, const Conditioning& conditioning, const torch::Tensor& heads,
                          const torch::Tensor& channels, const TokenMask& tokens);

}  // namespace dydit::dit
