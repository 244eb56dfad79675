// SPDX-License-Identifier: Apache-2.0
// The parts of a forward pass, each run by itself at the shapes that masks leave, every layer after the other: the
// counterfactuals of a waterfall. Weights and activations have the shapes of the model's, not its values.
#pragma once

#include "engine/engine.h"

namespace dydit::study {

class Parts {
 public:
  enum class Of { dense_model, engine };
  /// Masks (N,depth,...) of a batch at one timestep. The dense model adds a residual and takes the next norm in one pass;
  /// the compact engine cannot, as a router stands between them.
  Parts(model::DiT dit, const engine::Masks& masks, Of of);

  void fixed();      ///< embedders, adaLN, final layer, norms and residuals, routed tokens lying together
  void attention();  ///< scores, softmax and mixing, of the heads that are on
  void products();   ///< qkv, projection, fc1 with GELU and fc2, of what is on, with the rows that are padding
  void routed();     ///< routed tokens where they lie: to find them, the norms before the MLP, the residuals behind it
  void together();   ///< these norms and residuals with the tokens lying together

 private:
  struct Layer {
    model::PackedLinear qkv, projection, fc1, fc2;
    torch::Tensor heads_in, attended;  // (N,T,3 W), (N,T,W)
    std::int64_t heads = 0;
    torch::Tensor mask;                // (N,T)
    bool all_tokens = false;
    torch::Tensor compact, padded;     // routed tokens: (1,M,D), and (height,D)
  };
  void residual_and_norm(Layer& layer);

  model::DiT dit_;
  Of of_;
  torch::Tensor x_, t_, y_;        // inputs of the model
  torch::Tensor tokens_, vector_;  // (N,T,D), (N,D)
  torch::Tensor closed_;           // (N,D) zeros: a gate with which what is added to stays as it is
  std::vector<Layer> layers_;
};

}  // namespace dydit::study
