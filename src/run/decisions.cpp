// SPDX-License-Identifier: Apache-2.0
#include "run/decisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/interrupt.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "model/weights.h"
#include "setup.h"
#include "study/study.h"

namespace dydit::run {

// Moves the mean over what came before so that `more` has this share of it.
static void move(cost::Activity& mean, const cost::Activity& more, double share) {
  mean.layers.resize(more.layers.size());
  for (std::size_t i = 0; i < more.layers.size(); ++i)
    for (const auto unit : {&cost::Activity::Layer::heads, &cost::Activity::Layer::groups,
                            &cost::Activity::Layer::tokens, &cost::Activity::Layer::group_tokens})
      mean.layers[i].*unit += share * (more.layers[i].*unit - mean.layers[i].*unit);
}

Decisions decisions_of(const ModelSpec& spec, const DataSpec& data, std::int64_t images,
                       std::int64_t timesteps, std::uint64_t seed, const RunSettings& settings) {
  const auto dataset = open_data(data, seed);
  const auto dit = model::load_dit(spec.checkpoint, checkpoint::weights_named(spec.weights), spec.num_heads,
                                   settings.device, settings.dtype);
  require_fit(*dataset, data, dit->configuration, spec.checkpoint);
  for (const std::string& note : dataset->notes()) fmt::print(stderr, "dydit: {}\n", note);
  const auto engine = engine::engine_named("compact", dit);

  torch::InferenceMode inference;
  const study::Setting setting{.timesteps = timesteps_of({.timesteps = timesteps}),
                               .chunk = 32,
                               .seed = seed,
                               .device = settings.device,
                               .threads = settings.threads};
  const auto diffusion = study::diffusion_for(setting, dit);
  const auto subset = std::make_shared<const data::Subset>(dataset, std::min(images, dataset->size()));
  data::Loader loader(subset, {.batch = setting.chunk, .threads = setting.threads});
  Progress progress("routers", "images", subset->size() * timesteps, settings.quiet);
  Decisions decisions{.timesteps = timesteps};
  std::int64_t seen = 0;
  for (data::Batch batch; loader.next(batch); decisions.images += batch.size()) {
    const auto chunk = study::to_chunk(*subset, batch, batch.indices.front(), batch.size(), settings.device);
    for (const std::int64_t timestep : setting.timesteps) {
      stop_if_interrupted();
      const auto at = study::noised(setting, chunk, diffusion, timestep);
      const auto outcome = engine->forward(at.x_t, at.t, chunk.labels);
      seen += batch.size();
      move(decisions.activity, engine::activity_of(outcome.masks),
           static_cast<double>(batch.size()) / static_cast<double>(seen));
      progress.advance(batch.size());
    }
  }
  return decisions;
}

}  // namespace dydit::run
