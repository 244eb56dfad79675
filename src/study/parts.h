// SPDX-License-Identifier: Apache-2.0
// The parts of a forward pass, each run by itself at the shapes that masks leave, every layer after the other: the
// counterfactuals of a waterfall. Weights and activations have the shapes of the model's, not its values.
#pragma once

#include "engine/engine.h"

namespace dydit::study {

class Parts {
 public:
  /// Masks (N,depth,...) of a batch at one timestep; those of everything on: the parts of the dense model.
  Parts(model::DiT dit, const engine::Masks& masks);

  void fixed();       ///< embedders, adaLN, final layer, norms and residuals, routed tokens lying together
  void attention();   ///< scores, softmax and mixing, of the heads that are on
  void products();    ///< qkv, projection, fc1 with GELU and fc2, of what is on
  void routed();      ///< the norms before the MLP and the residuals behind it, of routed tokens where they lie
  void together();    ///< the same with these tokens lying together

 private:
  struct Layer {
    model::PackedLinear qkv, projection, fc1, fc2;
    torch::Tensor heads_in, attended;  // (N,T,3 W), (N,T,W)
    std::int64_t heads = 0;
    torch::Tensor rows;          // (M)
    torch::Tensor compact;       // (1,M,D)
  };
  bool all_tokens(const Layer& layer) const { return layer.rows.numel() == tokens_.size(0) * tokens_.size(1); }

  model::DiT dit_;
  torch::Tensor x_, t_, y_;        // inputs of the model
  torch::Tensor tokens_, vector_;  // (N,T,D), (N,D)
  std::vector<Layer> layers_;
};

}  // namespace dydit::study
