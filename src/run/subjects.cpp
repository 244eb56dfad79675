// SPDX-License-Identifier: Apache-2.0
#include "subjects.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "data/loader.h"
#include "data/views.h"
#include "setup.h"
#include "weights.h"

namespace dydit::run {

void require_runnable(const Profile& profile, const RunSettings& settings) {
  if (profile.studies.empty() && !profile.sweep) {
    std::string names;
    for (const study::Row& row : settings.catalog->studies) names += row.name + ", ";
    throw UsageError("nothing to study", profile.name, "add " + names + "or sweep");
  }
  if (profile.sweep && settings.group.local_size() > 1 && settings.device.is_cpu())
    throw UsageError("processes that share a machine's cores would disturb each other's times", profile.name + ": sweep",
                     "run it with one process for each machine or GPU, or leave the sweep out");
}

Subjects open_subjects(const Profile& profile, const RunSettings& settings) {
  if (profile.models.empty()) throw UsageError("no model to study", profile.name, "add models");
  std::set<std::string> names;
  for (const ModelSpec& spec : profile.models)
    if (!names.insert(spec.name).second)
      throw UsageError("two models of the same name", spec.name, "give each its own");
  Subjects subjects{.dataset = open_data(profile.data, profile.seed), .models = {}};
  std::vector<std::optional<diffusion::ProcessSpec>> processes;
  std::vector<std::string> in_order;
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
  subjects.process_said = profile.process || std::ranges::any_of(processes, [](const auto& one) { return one.has_value(); });
  return subjects;
}

void resolve(Profile& profile, const Subjects& subjects) {
  profile.process = subjects.process;
  for (StudySpec& study : profile.studies) study.options = study::resolved(study.options, subjects.process);
}

std::vector<double> times_of(const StudySpec& spec, const diffusion::ProcessSpec& process) {
  return study::times_of(spec.options, *diffusion::process_of(process, /*learn_sigma=*/false, torch::kCPU),
                         spec.info.name + ".timesteps");
}

void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings) {
  for (std::size_t i = 0; i < subjects.models.size(); ++i)
    tell_weights(profile.models[i].checkpoint, subjects.models[i].weights,
                 settings.quiet || !settings.group.leads());
  if (!subjects.models.empty())
    tell_process(subjects.process, subjects.process_said, settings.quiet || !settings.group.leads());
}

std::vector<study::Trained> trained_of(const Profile& profile, const RunSettings& settings,
                                       const Subjects& subjects) {
  std::vector<study::Trained> trained;
  if (!profile.sweep || profile.sweep->trained.empty()) return trained;
  const auto models = chosen(profile.sweep->trained, study::Models::dynamic, subjects.models, "sweep.trained");
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
                       .network = model.network,
                       .family = model.family,
                       .chunk = chunk,
                       .data_hash = images->hash(),
                       .process = subjects.process});
  return trained;
}

}  // namespace dydit::run
