// SPDX-License-Identifier: Apache-2.0
// The loss on images with fixed noise and timesteps: a learning curve without sampling noise.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "diffusion/process.h"
#include "distributed/process_group.h"

namespace dydit::train {

/// What a forward pass and its loss read, on the model's device. Shapes: N images.
struct Inputs {
  torch::Tensor x, y, t, noise;  ///< images (N,C,H,W), labels (N), times (N), noise (N,C,H,W)
  torch::Tensor x_t = {};        ///< the images with that noise
  std::vector<std::int64_t> images,
      draws;  ///< numbers of the images in their set, and epochs or repetitions: (N)
};

/// What a model makes of them; of a dynamic one also what it kept, see engine::shares_of.
struct Passed {
  torch::Tensor output, shares = {};
};
using Pass = std::function<Passed(const Inputs&)>;

/// Means over images and draws.
struct HeldOutLoss {
  double mse = 0;
  std::optional<double> vb = {};    ///< where the process has one
  std::vector<double> shares = {};  ///< of a dynamic model
};

class HeldOut {
 public:
  /// `count` images (at most all) spread evenly over `dataset`, `draws` times and noises for each.
  HeldOut(std::shared_ptr<const data::Dataset> dataset, std::int64_t count, std::uint64_t seed,
          const diffusion::Process& process, int draws = 4);

  /// Batches of this process's share of the images, one draw after the other.
  void for_each(const diffusion::Process& process, torch::Device device, std::int64_t batch,
                const distributed::ProcessGroup& group, const std::function<void(const Inputs&)>& work) const;

  /// Of all processes; `shares_of_each`: how many shares a pass gives of an image.
  HeldOutLoss evaluate(const Pass& pass, const diffusion::Process& process, torch::Device device, std::int64_t batch,
                       const distributed::ProcessGroup& group, std::int64_t shares_of_each = 0) const;

 private:
  torch::Tensor images_, labels_;      // (N,C,H,W), (N)
  std::vector<std::int64_t> indices_;  // (N)
  std::vector<torch::Tensor> times_;   // for each draw (N)
  std::uint64_t seed_;
};

}  // namespace dydit::train
