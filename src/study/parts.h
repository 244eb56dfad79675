// SPDX-License-Identifier: Apache-2.0
// The parts of a forward pass, each run by itself at the shapes that masks leave, every layer after the
// other: the counterfactuals of a waterfall. Weights and activations have the shapes of the model's, not its
// values; layers share their activations' memory, as those of a model do.
#pragma once

#include "engine/engine.h"

namespace dydit::study {

class Parts {
 public:
  enum class Of { dense_model, engine };
  /// Masks (N,depth,...) of a batch at one timestep: one or several draws, which passes go through in turn;
  /// they differ in their tokens alone. The dense model adds a residual and takes the next norm in one pass;
  /// the compact engine cannot, as a router stands between them.
  Parts(model::DiT dit, const std::vector<engine::Masks>& draws, Of of);

  using Pass = std::int64_t;
  void fixed(
      Pass pass);  ///< embedders, adaLN, final layer, norms and residuals, routed tokens lying together
  void attention(Pass pass);  ///< scores, softmax and mixing, of the heads that are on
  void products(
      Pass pass);  ///< qkv, projection, fc1 with GELU and fc2, of what is on, with the rows that are padding
  void routed(Pass pass);    ///< routed tokens where they lie: to find them, the norms before the MLP, the
                             ///< residuals after
  void together(Pass pass);  ///< these norms and residuals with the tokens lying together

 private:
  struct Routed {
    torch::Tensor mask;  // (N,T)
    std::int64_t rows, height;
  };
  struct Layer {
    std::int64_t heads, groups;  // how many are on
    std::vector<Routed> draws;
  };
  struct Products {
    model::PackedLinear qkv, projection, fc1, fc2;
  };
  const Routed& routed_of(const Layer& layer, Pass pass) const;
  // Whether the residual of its MLP is added to all rows: every token is routed, or no group is on and the
  // bias is left.
  bool all_rows(const Layer& layer, Pass pass) const;
  void residual_and_norm(const Routed& routed);
  torch::Tensor some(const torch::Tensor& numbers, std::initializer_list<std::int64_t> sizes) const;

  model::DiT dit_;
  Of of_;
  torch::Tensor x_, t_, y_;        // inputs of the model
  torch::Tensor tokens_, vector_;  // (N,T,D), (N,D)
  torch::Tensor closed_;           // (N,D) zeros: a gate with which what is added to stays as it is
  torch::Tensor qkv_, attended_,
      compact_;  // N T 3 D, N T D and N T D numbers, of which a layer takes the first
  std::vector<Layer> layers_;
  std::vector<Products> products_;  // packed at the first use
};

}  // namespace dydit::study
