// SPDX-License-Identifier: Apache-2.0
// Image i of a model, from its noise to its last state.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sample/denoiser.h"

namespace dydit::sample {

/// What makes image i: with it the image is a function of (seed, i), whatever it is computed beside. But for
/// what is chosen by a whole batch (dopri5's steps, full passes by a cache's test), and for the rounding of sums.
struct Setting {
  Model model;
  std::shared_ptr<const diffusion::Sampler> sampler;
  diffusion::Guidance guidance;
  std::vector<std::int64_t> shape;         ///< of an image: C, H, W
  std::vector<std::int64_t> classes = {};  ///< image i is of classes[i mod n]; none: each is drawn by itself
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
};

std::vector<std::int64_t> labels_of(const Setting& setting, std::int64_t first, std::int64_t count);

/// Images [first, first + count) as states (N,C,H,W) in float32 on the setting's device. Throws NotFinite naming those
/// in which a value is not finite and the first time at which one was.
torch::Tensor images_of(const Setting& setting, std::int64_t first, std::int64_t count);

}  // namespace dydit::sample
