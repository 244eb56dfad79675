// SPDX-License-Identifier: Apache-2.0
// What a feature cache adds to the stream in the place of blocks, on a Hopper GPU in bfloat16 or float16, in one kernel
// with float32 sums.
#pragma once

#include <torch/types.h>

#include <vector>

namespace dydit::gpu {

/// Outputs of parts of blocks, P of them in several passes, each pass with its factor and each part with its gate.
struct Reuse {
  torch::Tensor stream = {};               ///< (N,T,D), added to
  std::vector<torch::Tensor> passes = {};  ///< (P,N,T,D) each, parts may lie apart; eight at most
  std::vector<double> factors = {};        ///< of each pass
  torch::Tensor gates = {};                ///< (N,P,D), images and parts may lie apart
  torch::Tensor on = {};  ///< bool (N,P/2,T): every second part, the MLP, takes nothing where a token is off;
                          ///< undefined: all are on
};
void reuse(const Reuse& reuse);

namespace plain {
/// By LibTorch's operators in float32, rounded at the end: the reference. -> what `stream` becomes.
torch::Tensor reuse(const Reuse& reuse);
}  // namespace plain

}  // namespace dydit::gpu
