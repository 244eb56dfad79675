// SPDX-License-Identifier: Apache-2.0
#include "subjects.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "data/loader.h"
#include "data/subset.h"
#include "setup.h"
#include "weights.h"

namespace dydit::run {

void require_runnable(const Profile& profile, const RunSettings& settings) {
  if (!profile.has_studies() && !profile.sweep)
    throw UsageError("nothing to study", profile.name,
                     "add loss-gap, loss-map, activation, compute-map or sweep");
  if (!profile.has_studies() && settings.group.size() > 1)
    throw UsageError("a sweep measures one process", profile.name, "run it without a launcher");
}

Subjects open_subjects(const Profile& profile, const RunSettings& settings) {
  if (profile.models.empty()) throw UsageError("no model to study", profile.name, "add models");
  std::set<std::string> names;
  for (const ModelSpec& spec : profile.models)
    if (!names.insert(spec.name).second)
      throw UsageError("two models of the same name", spec.name, "give each its own");
  Subjects subjects{.dataset = open_data(profile.data, profile.seed), .models = {}};
  for (const ModelSpec& spec : profile.models) {
    subjects.models.push_back(open_model(spec, settings));
    const auto& configuration = subjects.models.back().dit->configuration;
    require_fit(*subjects.dataset, profile.data, configuration, spec.name);
    subjects.hashes[spec.name] = subjects.models.back().hash;
    Json entry = describe_model(spec.name, configuration);
    // A folder may be named with or without a slash behind it.
    entry["checkpoint"] = (std::filesystem::path(spec.checkpoint) / "").parent_path().filename().string();
    entry["weights"] = subjects.models.back().weights;
    subjects.described.push_back(entry);
  }
  return subjects;
}

void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings) {
  for (std::size_t i = 0; i < subjects.models.size(); ++i)
    tell_weights(profile.models[i].checkpoint, subjects.models[i].weights,
                 settings.quiet || !settings.group.leads());
}

std::vector<study::Trained> trained_of(const Profile& profile, const RunSettings& settings,
                                       const Subjects& subjects) {
  std::vector<study::Trained> trained;
  if (!profile.sweep || profile.sweep->trained.empty()) return trained;
  const auto models = sweep_models(*profile.sweep, subjects.models);
  const auto count = std::ranges::max(profile.sweep->trained_batch);
  const auto images =
      std::make_shared<data::Subset>(subjects.dataset, std::min(count, subjects.dataset->size()));
  data::Batch batch;
  const bool any = data::Loader(images, {.batch = count, .threads = settings.threads}).next(batch);
  if (!any || batch.size() < count)
    throw UsageError("fewer images than the sweep's batch", profile.data.path,
                     "give more, or a smaller trained_batch");
  const auto chunk = study::to_chunk(*images, batch, 0, count, torch::kCPU);
  for (const study::Model& model : models)
    trained.push_back({.name = model.name,
                       .hash = model.hash,
                       .dit = model.dit,
                       .chunk = chunk,
                       .data_hash = images->hash(),
                       .noise_schedule = profile.noise_schedule});
  return trained;
}

}  // namespace dydit::run
