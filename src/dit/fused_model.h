// SPDX-License-Identifier: Apache-2.0
// A DiT's pass by the kernels of src/gpu: what both engines for a GPU are made of, that of the complete model and that
// of what is on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "base/range.h"
#include "blocks.h"
#include "dit/packing.h"
#include "fused_ranges.h"
#include "gpu/attention.h"
#include "gpu/embed.h"
#include "gpu/graph.h"
#include "gpu/product.h"
#include "gpu/reuse.h"
#include "gpu/tokens.h"

namespace dydit::dit {

/// What a pass of images of one plan is asked for.
struct FusedPass {
  std::optional<WidthPlan> plan;  ///< nothing: the complete model, whatever its routers say
  bool imposed = false;           ///< tokens are
  Overruled routers = Overruled::skipped;
  auto operator<=>(const FusedPass&) const = default;
};

class FusedModel {
 public:
  /// Throws RunError where the card, the numbers or the model's shape have no kernels.
  FusedModel(DiT dit, std::shared_ptr<Packing> packing);

  /// By a program, or through all blocks. `imposed`: tokens (n,depth,T) where the pass has them. From its second time
  /// on a pass is one graph. -> of masks and logits those of tokens alone, none of the complete model.
  Outcome pass(const FusedPass& pass, const model::Inputs& in, const torch::Tensor& imposed,
               const engine::Program* program = nullptr);

  /// One block of it, kernel by kernel. `count`: int32, of one number that is 0.
  torch::Tensor block(torch::Tensor x, const BlockAt& at, const FusedPass& pass, const torch::Tensor& imposed,
                      const torch::Tensor& count);
  torch::Tensor no_counts() const;  ///< (depth) of them
  std::size_t bytes() const;        ///< of weights that are there a second time, from the first pass on

 private:
  struct Captured {
    bool ran = false;
    std::int64_t drops = 0;  // of the packing, when it was captured
    std::int64_t used = 0;
    bool observed = false;  // somebody was told of the ranges that its kernels are in
    double imposed = 0;     // tokens, over all layers, that the ranges were told of
    std::unique_ptr<gpu::Graph> graph;
    model::BlockRuns runs;
  };
  // With the shapes and types of the inputs, and the program's name.
  using Key = std::tuple<FusedPass, std::vector<std::int64_t>, std::string>;
  class Frame;

  void prepare();
  Outcome work(const FusedPass& pass, const model::Inputs& in, const torch::Tensor& imposed,
               const engine::Program* program);
  torch::Tensor attention(torch::Tensor x, const BlockAt& at, const std::optional<WidthPlan>& plan);
  torch::Tensor mlp(torch::Tensor x, const BlockAt& at, const FusedPass& pass, const gpu::Route& routed);
  // To a stream (n,T,D), or apart where somebody asks for it.
  torch::Tensor add(const char* name, torch::Tensor stream, const gpu::Product& product, const torch::Tensor& gate,
                    model::BlockPart part, const BlockAt& at);
  torch::Tensor add(torch::Tensor stream, const engine::Reused& reused, const torch::Tensor& gates,
                    const torch::Tensor& on);
  std::shared_ptr<const PackedSublayer> sublayer(std::size_t layer, bool is_mlp, const std::optional<WidthPlan>& plan);

  // Whether a kernel goes from the last rows to the first: to and fro, each reads first what was written last.
  bool next_turn() { return backwards_ = !backwards_; }

  // How many of these rows a layer's MLP takes, where that is known.
  std::optional<double> rows_on(std::size_t layer, const torch::Tensor& rows, const torch::Tensor& count) const;

  // What a layer's products of one kind read, for whoever can fetch it before.
  std::vector<torch::Tensor> weights_ahead(std::size_t layer, bool is_mlp, const std::optional<WidthPlan>& plan,
                                           std::int64_t rows);

  DiT dit_;
  std::shared_ptr<Packing> packing_;
  torch::Tensor adaln_weight_, adaln_bias_;  // of all blocks and the final layer, one below the other
  torch::Tensor final_weight_;               // with rows of zeros
  torch::Tensor patch_weight_;               // (C p p,D)
  gpu::Conditioner conditioner_;
  gpu::Products products_;
  gpu::Attentions attentions_;
  std::map<Key, Captured> captured_;
  CountedTokens counted_;
  std::vector<double> imposed_rows_;  // while a pass is captured that somebody observes
  std::shared_ptr<gpu::GraphMemory> memory_ = gpu::graph_memory();
  std::int64_t passes_ = 0;
  bool backwards_ = false;
};

}  // namespace dydit::dit
