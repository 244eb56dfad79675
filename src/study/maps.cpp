// SPDX-License-Identifier: Apache-2.0
// Studies of the redundancy over positions, averaged over several noise draws: where in an image a model errs (DyDiT,
// arXiv 2410.03456, figure 1b), and where a dynamic one computes, beside where its loss is.
#include "base/error.h"
#include "study/row.h"

namespace dydit::study {

namespace {

using torch::Tensor;

// `label` (N), `image` (N,C,H,W), and each map (N,K,...) as the mean over the draws.
class Maps : public Look {
 public:
  explicit Maps(std::int64_t draws) : draws_(draws) {}

  void see(const Seen& seen) override {
    chunk_ = &seen.chunk;
    for (const auto& [name, map] : maps_of(seen)) {
      Tensor& sum = sums_[name];
      sum = seen.draw == 0 ? map : sum + map;
      if (seen.draw + 1 == draws_) means_[name].push_back(sum / draws_);
    }
  }
  Found found() override {
    Found found{{"label", chunk_->labels}, {"image", chunk_->images}};
    for (const auto& [name, means] : means_) found[name] = torch::stack(means, 1);
    return found;
  }

 private:
  virtual Found maps_of(const Seen& seen) const = 0;  // (N,...) by name

  std::int64_t draws_;
  Found sums_;                                        // of the draws of a time
  std::map<std::string, std::vector<Tensor>> means_;  // of each time
  const Chunk* chunk_ = nullptr;
};

// `map` (N,H,W): the prediction's squared error, mean over channels.
class ErrorMaps final : public Maps {
  using Maps::Maps;
  Found maps_of(const Seen& seen) const override { return {{"map", seen.loss_terms().mse_map.mean(1)}}; }
};

// At each position of a token, over the grid of g x g tokens: `compute` (N,g,g), the share of the blocks that work on
// it, and `loss` (N,g,g), the squared error of its patch.
class ComputeMaps final : public Maps {
  using Maps::Maps;
  Found maps_of(const Seen& seen) const override {
    const auto& architecture = seen.model.network->architecture;
    const auto n = seen.chunk.images.size(0), c = architecture.channels, g = architecture.grid(),
               p = architecture.patch;
    const auto tokens = std::ranges::find(architecture.units, model::Scope::token, &model::UnitAxis::scope);
    if (tokens == architecture.units.end()) throw UsageError("a model that skips no tokens", seen.model.name);
    const Tensor& mask = seen.outcome.masks[static_cast<std::size_t>(tokens - architecture.units.begin())];
    return {{"compute", mask.to(torch::kFloat32).mean(1).view({n, g, g})},
            {"loss", seen.loss_terms().mse_map.view({n, c, g, p, g, p}).mean(c10::IntArrayRef{1, 3, 5})}};
  }
};

}  // namespace

Row loss_map() {
  return {{.name = "loss-map",
           .help = "Prediction error at every position, image by timestep",
           .example = "dydit study loss-map --model XL=XL.safetensors --data images.zip --at 200 400 800",
           .options = map_options(),
           .defaults = map_defaults(),
           .models = Models::last},
          [](const Options& options) { return std::make_unique<ErrorMaps>(options.draws); },
          [](const Model& model, const Options& options) {
            return record::Json{{"draws", options.draws}, {"patch", model.network->architecture.patch}};
          }};
}

Row compute_map() {
  return {{.name = "compute-map",
           .help = "Where in an image a dynamic model computes, beside where its loss is",
           .example = "dydit study compute-map --model half=DyDiT.safetensors --data images.zip --at 200 400 800",
           .options = map_options(),
           .defaults = map_defaults(),
           .models = Models::dynamic},
          [](const Options& options) { return std::make_unique<ComputeMaps>(options.draws); },
          [](const Model&, const Options& options) {
            return record::Json{{"draws", options.draws}};
          }};
}

}  // namespace dydit::study
