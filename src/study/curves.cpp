// SPDX-License-Identifier: Apache-2.0
// Studies of the redundancy over timesteps: the loss of models of different size on the same image, noise and time
// (DyDiT, arXiv 2410.03456, figure 1a; true labels, no dropout; records per image, gaps are analysis), and what a
// dynamic model has on.
#include "study/row.h"

namespace dydit::study {

namespace {

using torch::Tensor;

// `mse` and, where the process has it, `vb` (N,K): the mean over (C,H,W) of the prediction's squared error, and the
// variational term.
class Losses final : public Look {
 public:
  void see(const Seen& seen) override {
    const auto terms = seen.loss_terms();
    mse_.push_back(terms.mse);
    if (terms.vb.defined()) vb_.push_back(terms.vb);
  }
  Found found() override {
    Found found{{"mse", torch::stack(mse_, 1)}};
    if (!vb_.empty()) found["vb"] = torch::stack(vb_, 1);
    return found;
  }

 private:
  std::vector<Tensor> mse_, vb_;  // of each time (N)
};

// Of each unit axis, under its name: (K,layers,units) 0 or 1 where the timestep decides, else (N,K,layers), the share
// of an image's units that is on; and `kept` (N,K), the share of the blocks' MACs (see cost::lambda_realised).
class UnitsOn final : public Look {
 public:
  void see(const Seen& seen) override {
    architecture_ = &seen.model.network->architecture;
    on_.resize(architecture_->units.size());
    for (std::size_t axis = 0; axis < on_.size(); ++axis) {
      const Tensor mask = seen.outcome.masks[axis].to(torch::kFloat32);
      on_[axis].push_back(by_timestep(axis) ? mask[0] : mask.mean(2));
    }
    kept_.push_back(engine::shares_of(seen.outcome.masks, *architecture_).select(1, 0));
  }
  Found found() override {
    Found found{{"kept", torch::stack(kept_, 1)}};
    for (std::size_t axis = 0; axis < on_.size(); ++axis)
      found[architecture_->units[axis].name] = torch::stack(on_[axis], by_timestep(axis) ? 0 : 1);
    return found;
  }

 private:
  bool by_timestep(std::size_t axis) const { return architecture_->units[axis].scope == model::Scope::timestep; }

  const model::Architecture* architecture_ = nullptr;
  std::vector<std::vector<Tensor>> on_;  // of each axis and time
  std::vector<Tensor> kept_;             // of each time (N)
};

}  // namespace

Row loss_gap() {
  return {{.name = "loss-gap",
           .help = "Loss of small against large models at every timestep",
           .example =
               "dydit study loss-gap --model small=S.safetensors large=XL.safetensors --data images.zip --timesteps 50",
           .options = curve_options(),
           .defaults = {},
           .models = Models::all},
          [](const Options&) { return std::make_unique<Losses>(); }};
}

Row activation() {
  return {{.name = "activation",
           .help = "What a dynamic model has on (heads, channel groups, tokens), by timestep",
           .example = "dydit study activation --model half=DyDiT.safetensors --data images.zip",
           .options = curve_options(),
           .defaults = {},
           .models = Models::dynamic},
          [](const Options&) { return std::make_unique<UnitsOn>(); }};
}

}  // namespace dydit::study
