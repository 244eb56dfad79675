// SPDX-License-Identifier: Apache-2.0
#include "study/activation.h"

#include "base/interrupt.h"

namespace dydit::study {

using torch::Tensor;

void activation(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
                const Setting& setting, record::RunDirectory* run) {
  const auto no_more_axes = [](const Model&) { return record::Json::object(); };
  const auto look = [&](Model& model, const diffusion::GaussianDiffusion& diffusion,
                        const Chunk& chunk) -> Found {
    std::vector<Tensor> heads, channels, tokens, kept;
    for (const std::int64_t timestep : setting.timesteps) {
      stop_if_interrupted();
      const Noised at = noised(setting, chunk, diffusion, timestep);
      const auto masks = model.engine->forward(at.x_t, at.t, chunk.labels).masks;
      heads.push_back(masks.heads[0].to(torch::kFloat32));
      channels.push_back(masks.channels[0].to(torch::kFloat32));
      tokens.push_back(masks.tokens.to(torch::kFloat32).mean(2));
      kept.push_back(engine::shares_of(masks, model.dit->configuration).select(1, 0));
    }
    return {{"heads", torch::stack(heads)},
            {"channels", torch::stack(channels)},
            {"tokens", torch::stack(tokens, 1)},
            {"kept", torch::stack(kept, 1)}};
  };
  look_at_each("activation", models, images, setting, no_more_axes, run, look);
}

}  // namespace dydit::study
