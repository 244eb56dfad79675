// SPDX-License-Identifier: Apache-2.0
#include "study/compute_map.h"

#include "base/interrupt.h"

namespace dydit::study {

namespace {

using torch::Tensor;

struct Maps {
  Tensor compute, loss;  // (N,g,g)
};

// Means over the draws at one timestep.
Maps maps_at(Model& model, const diffusion::GaussianDiffusion& diffusion, const Setting& setting,
             const Chunk& chunk, std::int64_t timestep, std::int64_t draws) {
  const auto& c = model.dit->configuration;
  const auto n = chunk.images.size(0), g = c.grid(), p = c.patch_size;
  Maps sums{torch::zeros({n, g, g}, chunk.images.options()), torch::zeros({n, g, g}, chunk.images.options())};
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const Noised at = noised(setting, chunk, diffusion, timestep, draw);
    const auto outcome = model.engine->forward(at.x_t, at.t, chunk.labels);
    const Tensor epsilon = outcome.output.to(torch::kFloat32).narrow(1, 0, c.in_channels);
    sums.compute += outcome.masks.tokens.to(torch::kFloat32).mean(1).view({n, g, g});
    sums.loss +=
        (at.noise - epsilon).square().view({n, c.in_channels, g, p, g, p}).mean(c10::IntArrayRef{1, 3, 5});
  }
  return {sums.compute / draws, sums.loss / draws};
}

}  // namespace

void compute_map(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
                 const Setting& setting, std::int64_t draws, record::RunDirectory* run) {
  const auto axes = [&](const Model&) { return record::Json{{"draws", draws}}; };
  const auto look = [&](Model& model, const diffusion::GaussianDiffusion& diffusion,
                        const Chunk& chunk) -> Found {
    std::vector<Tensor> compute, loss;
    for (const std::int64_t timestep : setting.timesteps) {
      stop_if_interrupted();
      const Maps maps = maps_at(model, diffusion, setting, chunk, timestep, draws);
      compute.push_back(maps.compute);
      loss.push_back(maps.loss);
    }
    return {{"label", chunk.labels},
            {"image", chunk.images},
            {"compute", torch::stack(compute, 1)},
            {"loss", torch::stack(loss, 1)}};
  };
  look_at_each("compute-map", models, images, setting, axes, run, look);
}

}  // namespace dydit::study
