// SPDX-License-Identifier: Apache-2.0
// Study of the redundancy over timesteps (DyDiT, figure 1a): the loss of models of different size on the
// same image, noise and time. True labels, no dropout. Records per image; gaps are analysis.
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

}  // namespace

Row loss_gap() {
  return {{.name = "loss-gap",
          .help = "Loss of small against large models at every timestep",
          .example = "dydit study loss-gap --model small=S.safetensors large=XL.safetensors --data images.zip --timesteps 50",
          .options = curve_options(),
          .defaults = {},
          .models = Models::all},
          [](const Options&) { return std::make_unique<Losses>(); }};
}

}  // namespace dydit::study
