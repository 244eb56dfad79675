// SPDX-License-Identifier: Apache-2.0
#include "weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/json.h"

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

void tell_process(const diffusion::ProcessSpec& process, bool said, bool quiet) {
  if (quiet) return;
  fmt::print(stderr, "dydit: process: {}{}\n", words(process), said ? "" : " (assumed: no file says it; --process flow for a SiT)");
}

std::optional<diffusion::ProcessSpec> recorded_process(const checkpoint::Checkpoint& opened, const std::string& where) {
  const auto found = opened.metadata.find(diffusion::process_key);
  if (found == opened.metadata.end()) return std::nullopt;
  const auto json = parse_json<Json>(found->second);
  if (!json) throw InputError("its process in the metadata is not JSON", where);
  try {
    return diffusion::process_spec_from_json(*json, "process");
  } catch (const UsageError& error) {  // what would be wrong usage on the command line is a bad input in a file
    throw InputError("its process in the metadata is not one", where, error.what());
  }
}

diffusion::ProcessSpec process_of(const std::optional<diffusion::ProcessSpec>& asked,
                                  const std::vector<std::optional<diffusion::ProcessSpec>>& of_models,
                                  const std::vector<std::string>& names) {
  std::optional<diffusion::ProcessSpec> process = asked;
  std::string by = "the process that is asked for";
  for (std::size_t i = 0; i < of_models.size(); ++i) {
    if (!of_models[i]) continue;
    if (process && *process != *of_models[i])
      throw UsageError(fmt::format("{} was trained for another process than {}", names[i], by),
                       fmt::format("{} and {}", words(*of_models[i]), words(*process)), "run them apart");
    process = of_models[i];
    by = names[i];
  }
  // A file that says nothing may be of any: it is taken for the diffusion's alone.
  const auto silent = std::ranges::find_if(of_models, [](const auto& one) { return !one; });
  if (!asked && process && *process != diffusion::ProcessSpec() && silent != of_models.end())
    throw UsageError(fmt::format("the file of {} does not say its process, that of {} does",
                                 names[static_cast<std::size_t>(silent - of_models.begin())], by),
                     words(*process), "give --process if it is of both");
  return process.value_or(diffusion::ProcessSpec());
}

OpenedModel open_model(const ModelSpec& spec, const RunSettings& settings) {
  stop_if_interrupted("before all models were read");
  if (spec.checkpoint.empty()) throw UsageError("a model without weights", spec.name, "give its checkpoint");
  const auto opened = checkpoint::open_checkpoint(spec.checkpoint, checkpoint::weights_named(spec.weights));
  const engine::Family& family = engine::family_of(settings.catalog->families, opened, spec.checkpoint);
  study::Model model{.name = spec.name,
                     .hash = hash_of_weights(spec),
                     .network = family.load(opened, spec.checkpoint, spec.num_heads, settings.device, settings.dtype),
                     .family = &family,
                     .weights = opened.weights};
  const engine::Row& engine = family.default_engine(model.network->architecture);
  model.engine_name = engine.name;
  model.engine = engine.make(model.network, {});
  return {std::move(model), recorded_process(opened, spec.checkpoint)};
}

std::vector<study::Model> chosen(const std::vector<std::string>& names, study::Models otherwise,
                                 const std::vector<study::Model>& models, const std::string& where) {
  const bool dynamic_only = otherwise == study::Models::dynamic;
  if (names.empty() && otherwise == study::Models::last) return {models.back()};
  std::vector<study::Model> chosen;
  for (const study::Model& model : models) {
    const bool dynamic = model.network->architecture.dynamic();
    const bool named = std::ranges::count(names, model.name) > 0;
    if (named && dynamic_only && !dynamic)
      throw UsageError("a model without routers", where + ": " + model.name, "name dynamic models alone");
    if (named || (names.empty() && (dynamic || !dynamic_only))) chosen.push_back(model);
  }
  if (chosen.empty()) throw UsageError("no model with routers", where, "name the checkpoint of a DyDiT");
  return chosen;
}

}  // namespace dydit::run
