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

std::string hash_of_weights(const ModelSpec& spec) {
  // The number of heads is no tensor's: where it is told, it is part of what the model computes.
  const std::string heads = spec.num_heads ? fmt::format(" {}", *spec.num_heads) : "";
  return hash_of(hash_of_checkpoint(spec.checkpoint) + spec.weights + heads);
}

void tell_weights(const std::string& checkpoint, const std::string& weights, bool quiet) {
  if (!quiet) fmt::print(stderr, "dydit: weights of {}: {}\n", checkpoint, weights);
}

study::Model open_model(const ModelSpec& spec, const RunSettings& settings) {
  stop_if_interrupted("before all models were read");
  if (spec.checkpoint.empty()) throw UsageError("a model without weights", spec.name, "give its checkpoint");
  const auto opened = model::open_official(spec.checkpoint, checkpoint::weights_named(spec.weights));
  study::Model model{
      .name = spec.name,
      .hash = hash_of_weights(spec),
      .dit = model::load_dit(opened, spec.checkpoint, spec.num_heads, settings.device, settings.dtype),
      .weights = opened.weights};
  if (model.dit->configuration.dynamic) {
    model.engine_name = "compact";
    model.engine = engine::engine_named(model.engine_name, model.dit);
  }
  return model;
}

namespace {

// All of them where none is named.
std::vector<study::Model> named(const std::vector<std::string>& names,
                                const std::vector<study::Model>& models) {
  if (names.empty()) return models;
  std::vector<study::Model> chosen;
  for (const study::Model& model : models)
    if (std::find(names.begin(), names.end(), model.name) != names.end()) chosen.push_back(model);
  return chosen;
}

// Those named, which must have routers; all that have them where none is named.
std::vector<study::Model> dynamic(const std::vector<std::string>& names,
                                  const std::vector<study::Model>& models, const std::string& key) {
  std::vector<study::Model> chosen = named(names, models);
  const auto dense = [](const study::Model& model) { return !model.engine; };
  if (names.empty()) std::erase_if(chosen, dense);
  if (const auto found = std::ranges::find_if(chosen, dense); found != chosen.end())
    throw UsageError("a model without routers", key + ": " + found->name, "name dynamic models alone");
  if (chosen.empty()) throw UsageError("no model with routers", key, "name the checkpoint of a DyDiT");
  return chosen;
}

}  // namespace

std::vector<study::Model> curve_models(const CurveSpec& spec, const std::vector<study::Model>& models) {
  return named(spec.models, models);
}

std::vector<study::Model> activation_models(const CurveSpec& spec, const std::vector<study::Model>& models) {
  return dynamic(spec.models, models, "activation.models");
}

std::vector<study::Model> loss_map_models(const MapSpec& spec, const std::vector<study::Model>& models) {
  return spec.models.empty() ? std::vector{models.back()} : named(spec.models, models);
}

std::vector<study::Model> compute_map_models(const MapSpec& spec, const std::vector<study::Model>& models) {
  return dynamic(spec.models, models, "compute-map.models");
}

std::vector<study::Model> sweep_models(const study::SpeedSpec& spec,
                                       const std::vector<study::Model>& models) {
  return dynamic(spec.trained, models, "sweep.trained");
}

}  // namespace dydit::run
