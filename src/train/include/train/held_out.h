// SPDX-License-Identifier: Apache-2.0
// The loss on held-out images with fixed noise and timesteps: a learning curve without sampling noise.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "diffusion/gaussian.h"
#include "distributed/process_group.h"
#include "model/dit.h"

namespace dydit::train {

struct HeldOutLoss {
  double mse = 0, vb = 0;
};

class HeldOut {
 public:
  /// `count` images (at most all) spread evenly over `dataset`, `draws` timesteps and noises for each.
  HeldOut(std::shared_ptr<const data::Dataset> dataset, std::int64_t count, std::uint64_t seed, std::int64_t timesteps, int draws = 4);

  /// Each process judges its share of the images.
  HeldOutLoss evaluate(model::DiT& dit, const diffusion::GaussianDiffusion& diffusion, torch::Device device,
                       std::int64_t batch, const distributed::ProcessGroup& group) const;

 private:
  torch::Tensor images_, labels_;        // (N,C,H,W), (N)
  std::vector<std::int64_t> indices_;    // (N)
  std::vector<torch::Tensor> timesteps_;  // for each draw (N)
  std::uint64_t seed_;
};

}  // namespace dydit::train
