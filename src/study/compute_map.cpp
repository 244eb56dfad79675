// SPDX-License-Identifier: Apache-2.0
// Study of where in an image a dynamic model computes (DyDiT, arXiv 2410.03456), beside where its loss is.
#include "base/error.h"
#include "study/row.h"

namespace dydit::study {

namespace {

using torch::Tensor;

// `label` (N), `image` (N,C,H,W), and at each position of a token, over the grid of g x g tokens, means over the draws:
// `compute` (N,K,g,g), the share of the blocks that work on it, and `loss` (N,K,g,g), the squared error of its patch.
class ComputeMaps final : public Look {
 public:
  explicit ComputeMaps(std::int64_t draws) : draws_(draws) {}

  void see(const Seen& seen) override {
    const auto& architecture = seen.model.network->architecture;
    const auto n = seen.chunk.images.size(0), c = architecture.channels, g = architecture.grid(), p = architecture.patch;
    const auto tokens = std::ranges::find(architecture.units, model::Scope::token, &model::UnitAxis::scope);
    if (tokens == architecture.units.end()) throw UsageError("a model that skips no tokens", seen.model.name);
    const Tensor& mask = seen.outcome.masks[static_cast<std::size_t>(tokens - architecture.units.begin())];
    const Tensor compute = mask.to(torch::kFloat32).mean(1).view({n, g, g});
    const Tensor loss = seen.loss_terms().mse_map.view({n, c, g, p, g, p}).mean(c10::IntArrayRef{1, 3, 5});
    compute_sum_ = seen.draw == 0 ? compute : compute_sum_ + compute;
    loss_sum_ = seen.draw == 0 ? loss : loss_sum_ + loss;
    chunk_ = &seen.chunk;
    if (seen.draw + 1 < draws_) return;
    compute_.push_back(compute_sum_ / draws_);
    loss_.push_back(loss_sum_ / draws_);
  }
  Found found() override {
    return {{"label", chunk_->labels},
            {"image", chunk_->images},
            {"compute", torch::stack(compute_, 1)},
            {"loss", torch::stack(loss_, 1)}};
  }

 private:
  std::int64_t draws_;
  Tensor compute_sum_, loss_sum_;        // of the draws of a time
  std::vector<Tensor> compute_, loss_;  // of each time
  const Chunk* chunk_ = nullptr;
};

}  // namespace

Row compute_map() {
  return {{.name = "compute-map",
          .help = "Where in an image a dynamic model computes, beside where its loss is",
          .example = "dydit study compute-map --model half=DyDiT.safetensors --data images.zip --at 200 400 800",
          .options = map_options(),
          .defaults = map_defaults(),
          .models = Models::dynamic},
          [](const Options& options) { return std::make_unique<ComputeMaps>(options.draws); }};
}

}  // namespace dydit::study
