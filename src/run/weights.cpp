// SPDX-License-Identifier: Apache-2.0
#include "weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "model/weights.h"

namespace dydit::run {

// For a checkpoint in one file, that file's hash.
static std::string hash_of_checkpoint(const std::filesystem::path& path) {
  std::string hashes;
  for (const auto& file : checkpoint::files_of(path)) hashes += hash_of_file(file);
  return hashes;
}

study::Model open_model(const ModelSpec& spec, const RunSettings& settings) {
  stop_if_interrupted("before all models were read");
  if (spec.checkpoint.empty()) throw UsageError("a model without weights", spec.name, "give its checkpoint");
  // The number of heads is no tensor's: where it is told, it is part of what the model computes.
  const std::string heads = spec.num_heads ? fmt::format(" {}", *spec.num_heads) : "";
  auto dit = model::load_dit(spec.checkpoint, checkpoint::weights_named(spec.weights), spec.num_heads, settings.device,
                             settings.dtype);
  if (dit->configuration.dynamic)
    throw UsageError("studies are of models without routers", spec.checkpoint, "give a DiT");
  return {.name = spec.name,
          .hash = hash_of(hash_of_checkpoint(spec.checkpoint) + spec.weights + heads),
          .dit = std::move(dit)};
}

bool maps_model(const LossMapSpec& spec, const Profile& profile, std::size_t model) {
  if (spec.models.empty()) return model + 1 == profile.models.size();
  return std::find(spec.models.begin(), spec.models.end(), profile.models[model].name) != spec.models.end();
}

}  // namespace dydit::run
