// SPDX-License-Identifier: Apache-2.0
// The parts of a forward pass, each run by itself at the shapes that masks leave, every layer after the other, as the
// model or the engine runs them: what a waterfall is derived from.
#pragma once

#include <memory>

#include "dit/packing.h"
#include "engine/engine.h"

namespace dydit::dit {

/// What parts work on: of the shapes of the model's activations, not of their values. Layers share this memory, as
/// those of a model do; so do the parts that have copies of this.
struct Activations {
  Activations(const DiT& dit, std::int64_t images);

  torch::Tensor x;  // (N,C,H,W)
  Conditioning conditioning;
  torch::Tensor tokens, vector;          // (N,T,D), (N,D)
  torch::Tensor closed;                  // (N,D) zeros: a gate with which what is added to stays as it is
  torch::Tensor qkv, attended, compact;  // N T 3 D, N T D and N T D numbers, of which a layer takes the first
};

class Parts {
 public:
  enum class Of { dense_model, engine };
  /// Masks (N,depth,...) of a batch at one timestep: one or several draws, which passes go through in turn; they
  /// differ in their tokens alone. The engine's products work with the weights of `packing`, the dense model's with
  /// its own. The dense model adds a residual and takes the next norm in one pass; the compact engine cannot, as a
  /// router stands between them.
  Parts(DiT dit, std::shared_ptr<Packing> packing, Activations activations, const std::vector<engine::Masks>& draws,
        Of of);

  using Pass = std::int64_t;
  void fixed(Pass pass);  ///< embedder of the patches, final layer, norms and residuals, routed tokens lying together;
                          ///< without adaLN, whose work a batch's shares do not share
  void attention(Pass pass);  ///< scores, softmax and mixing, of the heads that are on
  void products(Pass pass);   ///< qkv, projection, fc1 with GELU and fc2, of what is on, with the rows that are padding
  void routed(Pass pass);     ///< routed tokens where they lie: to find them, the norms before the MLP, the residuals
                              ///< after
  void together(Pass pass);   ///< these norms and residuals with the tokens lying together

 private:
  struct Rows {
    torch::Tensor mask;  // (N,T)
    std::int64_t rows, height;
    bool all() const { return rows == mask.numel(); }
  };
  struct Layer {
    Units heads, groups;
    std::int64_t width;  // of the heads that are on
    std::vector<Rows> draws;
  };
  const Rows& rows_of(const Layer& layer, Pass pass) const;
  // Whether the residual of its MLP is added to all rows: every token is routed, or no group is on and the
  // bias is left.
  bool all_rows(const Layer& layer, Pass pass) const;
  void residual_and_norm(const Rows& routed);
  torch::Tensor attended_of(const Layer& layer) const;

  DiT dit_;
  std::shared_ptr<Packing> packing_;
  Activations of_layers_;
  Of of_;
  std::vector<Layer> layers_;
};

/// Of each share of a batch, made when it is first asked for.
using Memory = std::vector<Activations>;

/// Every part of the passes, shared by images among threads as the model is; "fixed" with adaLN.
std::vector<engine::PartRun> parts_of(const DiT& dit, const std::shared_ptr<Packing>& packing,
                                      const std::shared_ptr<Memory>& memory, const engine::Passes& passes,
                                      Parts::Of of);

}  // namespace dydit::dit
