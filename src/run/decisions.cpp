// SPDX-License-Identifier: Apache-2.0
#include "run/decisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "setup.h"

namespace dydit::run {

Decisions decisions_of(const ModelSpec& spec, const DataSpec& data, std::int64_t images, std::int64_t timesteps,
                       std::uint64_t seed, const std::optional<diffusion::ProcessSpec>& asked,
                       const RunSettings& settings) {
  const auto dataset = open_data(data, seed);
  const auto [model, recorded] = open_model(spec, settings);
  const auto& architecture = model.network->architecture;
  if (!architecture.dynamic()) throw UsageError("the model has no routers", spec.checkpoint, "take a DyDiT");
  require_fit(*dataset, data, architecture, spec.checkpoint);
  for (const std::string& note : dataset->notes()) fmt::print(stderr, "dydit: {}\n", note);
  Decisions decisions{.process = process_of(asked, {recorded}, {spec.checkpoint}), .timesteps = timesteps};
  tell_process(decisions.process, asked || recorded, settings.quiet);

  torch::InferenceMode inference;
  const auto process = diffusion::process_of(decisions.process, architecture.learns_sigma, settings.device);
  const study::Setting setting{.times = process->even_times(timesteps),
                               .chunk = 32,
                               .process = decisions.process,
                               .seed = seed,
                               .device = settings.device,
                               .threads = settings.threads};
  const auto subset = std::make_shared<const data::Subset>(dataset, std::min(images, dataset->size()));
  data::Loader loader(subset, {.batch = setting.chunk, .threads = setting.threads});
  Progress progress("routers", "images", subset->size() * timesteps, settings.quiet);
  std::int64_t seen = 0;
  for (data::Batch batch; loader.next(batch); decisions.images += batch.size()) {
    const auto chunk = study::to_chunk(*subset, batch, batch.indices.front(), batch.size(), settings.device);
    for (const double time : setting.times) {
      stop_if_interrupted();
      const auto at = study::noised(setting, chunk, *process, time);
      const auto outcome = model.engine->forward({at.x_t, at.t, chunk.labels});
      seen += batch.size();
      decisions.activity.mix(engine::activity_of(outcome.masks),
                             static_cast<double>(batch.size()) / static_cast<double>(seen));
      progress.advance(batch.size());
    }
  }
  return decisions;
}

}  // namespace dydit::run
