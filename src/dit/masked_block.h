// SPDX-License-Identifier: Apache-2.0
// The published semantics: everything is computed, and multiplied by masks.
#pragma once

#include <functional>

#include "dit/dit.h"

namespace dydit::dit {

/// The mask (N,T) of a block's tokens, by what the attention left of x (N,T,D).
using TokenMask = std::function<torch::Tensor(const torch::Tensor& x)>;

/// A block's output (N,T,D) under masks of any type, heads and channels (N,H); their gradients flow.
torch::Tensor masked_block(BlockImpl& block, torch::Tensor x, const BlockImpl::Modulation& modulation,
                           const torch::Tensor& heads, const torch::Tensor& channels, const TokenMask& tokens,
                           const KeptParts& parts);

}  // namespace dydit::dit
