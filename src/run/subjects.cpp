// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "data/loader.h"
#include "data/views.h"
#include "setup.h"

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

std::string process_words(const diffusion::ProcessSpec& process, bool said) {
  return words(process) + (said ? "" : " (assumed: no file says it; --process flow for a SiT)");
}

void tell_process(const diffusion::ProcessSpec& process, bool said, bool quiet) {
  if (!quiet) fmt::print(stderr, "dydit: process: {}\n", process_words(process, said));
}

std::optional<diffusion::ProcessSpec> process_of_name(const model::Architecture& architecture,
                                                      const std::optional<diffusion::ProcessSpec>& asked) {
  if (!architecture.flow) return std::nullopt;
  const diffusion::ProcessSpec flow{.name = "flow"};
  return asked && asked->name == flow.name ? *asked : flow;
}

std::optional<diffusion::ProcessSpec> recorded_process(const checkpoint::Checkpoint& opened, const std::string& where) {
  const auto found = opened.metadata.find(diffusion::process_key);
  if (found == opened.metadata.end()) return std::nullopt;
  const auto json = parse_json<Json>(found->second);
  if (!json || !json->is_object() || !json->contains("name"))
    throw InputError("its process in the metadata is no JSON with a name", where);
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
  std::string by = "what is asked for";
  for (std::size_t i = 0; i < of_models.size(); ++i) {
    if (!of_models[i]) continue;
    if (process && *process != *of_models[i])
      throw UsageError(fmt::format("{} is of another process than {}", names[i], by),
                       fmt::format("{} and {}", words(*of_models[i]), words(*process)),
                       asked ? "leave --process and its options out, or run them apart" : "run them apart");
    process = of_models[i];
    by = names[i];
  }
  // A file that says nothing may be of any: it is taken for the diffusion's alone.
  const auto silent = std::ranges::find_if(of_models, [](const auto& one) { return !one; });
  if (!asked && process && *process != diffusion::ProcessSpec() && silent != of_models.end())
    throw UsageError(fmt::format("{} does not say its process, {} does",
                                 names[static_cast<std::size_t>(silent - of_models.begin())], by),
                     words(*process), "give --process if it is of both");
  return process.value_or(diffusion::ProcessSpec());
}

namespace {

// A checkpoint's model, which of its weights it has, and the process that it was trained for where it says so.
struct Read {
  const engine::Family& family;
  std::shared_ptr<model::Network> network;
  std::string weights;
  std::optional<diffusion::ProcessSpec> process;
};

Read read_model(const ModelSpec& spec, const RunSettings& settings) {
  stop_if_interrupted("before all models were read");
  const auto opened = checkpoint::open_checkpoint(spec.checkpoint, checkpoint::weights_named(spec.weights));
  const engine::Family& family = engine::family_of(settings.catalog->families, opened, spec.checkpoint);
  return {family, family.load(opened, spec.checkpoint, spec.num_heads, settings.device, settings.dtype), opened.weights,
          recorded_process(opened, spec.checkpoint)};
}

}  // namespace

Loaded load(const ModelSpec& spec, const std::optional<diffusion::ProcessSpec>& asked, const RunSettings& settings) {
  Read read = read_model(spec, settings);
  return {read.family, std::move(read.network), std::move(read.weights),
          process_of(asked, {read.process}, {spec.checkpoint}), asked || read.process};
}

void tell(const Loaded& loaded, const std::string& checkpoint, bool quiet) {
  tell_weights(checkpoint, loaded.weights, quiet);
  tell_process(loaded.process, loaded.process_said, quiet);
}

OpenedModel open_model(const ModelSpec& spec, const RunSettings& settings) {
  if (spec.checkpoint.empty()) throw UsageError("a model without weights", spec.name, "give its checkpoint");
  Read read = read_model(spec, settings);
  const engine::Row& engine = read.family.default_engine(*read.network);
  return {{.name = spec.name,
           .hash = hash_of_weights(spec),
           .network = read.network,
           .family = &read.family,
           .engine_name = engine.name,
           .engine = engine.make(read.network, {}),
           .weights = read.weights},
          read.process};
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

void require_runnable(const Profile& profile, const RunSettings& settings) {
  if (profile.studies.empty() && !profile.sweep && !profile.sampling) {
    std::string names;
    for (const study::Row& row : settings.catalog->studies) names += row.name + ", ";
    throw UsageError("nothing to study", profile.name, "add " + names + "sweep or sampling");
  }
  if ((profile.sweep || profile.sampling) && settings.group.local_size() > 1 && settings.device.is_cpu())
    throw UsageError("processes that share a machine's cores would disturb each other's times",
                     profile.name + (profile.sweep ? ": sweep" : ": sampling"),
                     "run it with one process for each machine or GPU, or leave it out");
}

// The trained models of the profile's sweep, with images for its largest batch.
static std::vector<study::Trained> trained_of(const Profile& profile, const RunSettings& settings,
                                              const Subjects& subjects) {
  std::vector<study::Trained> trained;
  if (!profile.sweep || profile.sweep->trained.empty()) return trained;
  const auto models = chosen(profile.sweep->trained, study::Models::dynamic, subjects.models, "sweep.trained");
  const auto count = std::ranges::max(profile.sweep->trained_batch);
  const auto images = std::make_shared<data::Subset>(subjects.dataset, std::min(count, subjects.dataset->size()));
  data::Batch batch;
  const bool any = data::Loader(images, {.batch = count, .threads = settings.threads}).next(batch);
  if (!any || batch.size() < count)
    throw UsageError("fewer images than the sweep's batch", profile.data.path, "give more, or a smaller trained_batch");
  const auto chunk = study::to_chunk(*images, batch, 0, count, torch::kCPU);
  for (const study::Model& model : models)
    trained.push_back({.name = model.name,
                       .hash = model.hash,
                       .network = model.network,
                       .family = model.family,
                       .chunk = chunk,
                       .data_hash = images->hash(),
                       .process = subjects.process});
  return trained;
}

Subjects open_subjects(Profile& profile, const RunSettings& settings) {
  std::vector<std::optional<diffusion::ProcessSpec>> processes;
  std::vector<std::string> in_order;
  const auto add_published = [&](const auto& sweep) {
    if (!sweep) return;
    for (const std::string& name : sweep->models) {
      const auto& family = engine::family_of(settings.catalog->families, name);
      processes.push_back(process_of_name(family.describe(name, sweep->input_size), profile.process));
      in_order.push_back(name);
    }
  };
  add_published(profile.sweep);
  add_published(profile.sampling);
  if (!profile.has_subjects()) {
    profile.process = process_of(profile.process, processes, in_order);
    return {};
  }
  if (profile.models.empty()) throw UsageError("no model to study", profile.name, "add models");
  std::set<std::string> names;
  for (const ModelSpec& spec : profile.models)
    if (!names.insert(spec.name).second)
      throw UsageError("two models of the same name", spec.name, "give each its own");
  Subjects subjects{.dataset = open_data(profile.data, profile.seed), .models = {}};
  for (const ModelSpec& spec : profile.models) {
    OpenedModel opened = open_model(spec, settings);
    processes.push_back(opened.process);
    in_order.push_back(spec.name);
    subjects.models.push_back(std::move(opened.model));
    const auto& architecture = subjects.models.back().network->architecture;
    require_fit(*subjects.dataset, profile.data, architecture, spec.name);
    subjects.hashes[spec.name] = subjects.models.back().hash;
    Json entry = describe_model(spec.name, architecture);
    // A folder may be named with or without a slash behind it.
    entry["checkpoint"] = (std::filesystem::path(spec.checkpoint) / "").parent_path().filename().string();
    entry["weights"] = subjects.models.back().weights;
    subjects.described.push_back(entry);
  }
  subjects.process = process_of(profile.process, processes, in_order);
  subjects.process_said =
      profile.process || std::ranges::any_of(processes, [](const auto& one) { return one.has_value(); });
  profile.process = subjects.process;
  for (StudySpec& study : profile.studies) study.options = study::resolved(study.options, subjects.process);
  subjects.trained = trained_of(profile, settings, subjects);
  if (profile.sampling && !profile.sampling->trained.empty())
    for (const study::Model& model :
         chosen(profile.sampling->trained, study::Models::all, subjects.models, "sampling.trained"))
      subjects.sampled.push_back({.name = model.name,
                                  .hash = model.hash,
                                  .network = model.network,
                                  .family = model.family,
                                  .chunk = {},
                                  .data_hash = {},
                                  .process = subjects.process});
  return subjects;
}

std::vector<double> times_of(const StudySpec& spec, const diffusion::ProcessSpec& process) {
  return study::times_of(spec.options, *diffusion::process_of(process, /*learn_sigma=*/false, torch::kCPU),
                         spec.info.name + ".timesteps");
}

void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings) {
  for (std::size_t i = 0; i < subjects.models.size(); ++i)
    tell_weights(profile.models[i].checkpoint, subjects.models[i].weights, settings.silent());
  tell_process(*profile.process, subjects.process_said, settings.silent());
}

}  // namespace dydit::run
