// SPDX-License-Identifier: Apache-2.0
#include "study/loss_map.h"

#include "base/interrupt.h"

namespace dydit::study {

namespace {

using record::Json;
using torch::Tensor;

// (N,H,W): mean over channels and draws of the squared epsilon error at one timestep.
Tensor error_map(Model& model, const diffusion::GaussianDiffusion& diffusion, const Setting& setting,
                 const Chunk& chunk, std::int64_t timestep, std::int64_t draws) {
  const auto channels = chunk.images.size(1);
  Tensor sum;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const Noised at = noised(setting, chunk, diffusion, timestep, draw);
    const Tensor epsilon = model.forward(at.x_t, at.t, chunk.labels).to(torch::kFloat32).narrow(1, 0, channels);
    const Tensor error = (at.noise - epsilon).square().mean(1);
    sum = draw == 0 ? error : sum + error;
  }
  return sum / draws;
}

}  // namespace

void loss_map(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
              const Setting& setting, std::int64_t draws, record::RunDirectory* run) {
  const auto axes = [&](const Model& model) {
    return Json{{"draws", draws}, {"patch", model.dit->configuration.patch_size}};
  };
  const auto look = [&](Model& model, const diffusion::GaussianDiffusion& diffusion,
                        const Chunk& chunk) -> Found {
    std::vector<Tensor> maps;
    for (std::int64_t timestep : setting.timesteps) {
      stop_if_interrupted();
      maps.push_back(error_map(model, diffusion, setting, chunk, timestep, draws));
    }
    return {{"label", chunk.labels}, {"image", chunk.images}, {"map", torch::stack(maps, 1)}};
  };
  look_at_each("loss-map", models, images, setting, axes, run, look);
}

}  // namespace dydit::study
