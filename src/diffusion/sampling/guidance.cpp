// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <torch/torch.h>

#include "diffusion/sampling.h"

namespace dydit::diffusion {

using torch::Tensor;

Denoiser guided(const Guidance& guidance, Halves model) {
  return [guidance, model = std::move(model)](const Tensor& x, double time) {
    if (!guidance.acts(time)) return model(x, time, false);
    const auto halves = model(torch::cat({x, x}), time, true).chunk(2);
    const std::int64_t channels = std::min(guidance.channels, x.size(1));
    const Tensor with = halves[0].narrow(1, 0, channels), without = halves[1].narrow(1, 0, channels);
    const Tensor mixed = without + guidance.scale * (with - without);
    return torch::cat({mixed, halves[0].narrow(1, channels, halves[0].size(1) - channels)}, 1);
  };
}

}  // namespace dydit::diffusion
