// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "data/subset.h"
#include "setup.h"
#include "study/loss_gap.h"
#include "study/loss_map.h"
#include "weights.h"

namespace dydit::run {

namespace {

// Copies the learning curves into the run, which then explains itself; returns what is known of how each
// model was trained.
std::map<std::string, Json> copy_history(const Profile& profile, record::RunDirectory& run) {
  std::map<std::string, Json> trained;
  if (profile.history.empty()) return trained;
  const record::Run history = record::read_run(profile.history);
  for (const record::Record& record : history.records)
    if (record.study == "train" && !run.has(record.cell)) run.copy(record);
  for (const Json& model : history.manifest.value("models", Json::array()))
    trained[model.value("name", "")] = model.value("trained", Json());
  return trained;
}

study::Setting setting_of(const Profile& profile, const RunSettings& settings,
                          std::vector<std::int64_t> timesteps, std::int64_t chunk) {
  return {.timesteps = std::move(timesteps),
          .chunk = chunk,
          .noise_schedule = profile.noise_schedule,
          .seed = profile.seed,
          .device = settings.device,
          .dtype = settings.dtype,
          .threads = settings.threads,
          .quiet = settings.quiet,
          .group = settings.group};
}

}  // namespace

Outcome run_studies(const Profile& profile, const RunSettings& settings) {
  if (!profile.loss_gap && !profile.loss_map)
    throw UsageError("nothing to study", profile.name, "add loss-gap or loss-map");
  if (profile.models.empty()) throw UsageError("no model to study", profile.name, "add models");
  std::set<std::string> names;
  for (const ModelSpec& spec : profile.models)
    if (!names.insert(spec.name).second)
      throw UsageError("two models of the same name", spec.name, "give each its own");
  const auto dataset = open_data(profile.data, profile.seed);
  std::vector<study::Model> models;
  Json hashes = Json::object(), described = Json::array();
  for (const ModelSpec& spec : profile.models) {
    models.push_back(open_model(spec, settings));
    const auto& configuration = models.back().dit->configuration;
    require_fit(*dataset, profile.data, configuration, spec.name);
    hashes[spec.name] = models.back().hash;
    Json entry = describe_model(spec.name, configuration);
    // A folder may be named with or without a slash behind it.
    entry["checkpoint"] = (std::filesystem::path(spec.checkpoint) / "").parent_path().filename().string();
    described.push_back(entry);
  }
  const auto subset = [&](std::int64_t images) {
    return std::make_shared<const data::Subset>(dataset, images == 0 ? dataset->size() : images);
  };
  const auto gap_images = profile.loss_gap ? subset(profile.loss_gap->images) : nullptr;
  const auto map_images = profile.loss_map ? subset(profile.loss_map->images) : nullptr;
  Json manifest = base_manifest(profile, settings, {{"weights", hashes}, {"data", dataset->hash()}});
  manifest["data"] = describe_data(*dataset, profile.data);
  manifest["models"] = described;
  const auto run = open_run(profile, settings, manifest);
  if (run != nullptr) {
    const auto trained = copy_history(profile, *run);
    for (Json& entry : described)
      if (const auto found = trained.find(entry["name"]); found != trained.end())
        entry["trained"] = found->second;
    run->describe("models", described);
  }

  if (profile.loss_gap) {
    const LossGapSpec& spec = *profile.loss_gap;
    study::loss_gap(models, gap_images, setting_of(profile, settings, timesteps_of(spec), spec.chunk),
                    run.get());
  }
  if (profile.loss_map) {
    const LossMapSpec& spec = *profile.loss_map;
    std::vector<study::Model> chosen;
    for (std::size_t m = 0; m < models.size(); ++m)
      if (maps_model(spec, profile, m)) chosen.push_back(models[m]);
    study::loss_map(chosen, map_images, setting_of(profile, settings, spec.timesteps, /*chunk=*/64),
                    spec.draws, run.get());
  }
  if (run == nullptr) return {};
  run->finish();
  const auto& records = run->records();
  const auto failed = std::count_if(records.begin(), records.end(), [](const record::Record& r) {
    return r.study != "train" && r.status == record::Status::failed;
  });
  return {.path = run->path(), .failed = failed};
}

}  // namespace dydit::run
