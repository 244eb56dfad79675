// SPDX-License-Identifier: Apache-2.0
// Study of the redundancy over positions (DyDiT, figure 1b): the prediction error of a model at each
// position of an image, averaged over several noise draws.
#include "study/row.h"

namespace dydit::study {

namespace {

using torch::Tensor;

// `label` (N), `image` (N,C,H,W) and `map` (N,K,H,W): the prediction's squared error, mean over channels and draws.
class ErrorMaps final : public Look {
 public:
  explicit ErrorMaps(std::int64_t draws) : draws_(draws) {}

  void see(const Seen& seen) override {
    const Tensor error = seen.loss_terms().mse_map.mean(1);
    sum_ = seen.draw == 0 ? error : sum_ + error;
    if (seen.draw + 1 == draws_) maps_.push_back(sum_ / draws_);
    chunk_ = &seen.chunk;
  }
  Found found() override {
    return {{"label", chunk_->labels}, {"image", chunk_->images}, {"map", torch::stack(maps_, 1)}};
  }

 private:
  std::int64_t draws_;
  Tensor sum_;                // (N,H,W) of the draws of a time
  std::vector<Tensor> maps_;  // of each time
  const Chunk* chunk_ = nullptr;
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
          [](const Model& model) { return record::Json{{"patch", model.network->architecture.patch}}; }};
}

}  // namespace dydit::study
