// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "data/subset.h"
#include "setup.h"
#include "study/activation.h"
#include "study/compute_map.h"
#include "study/loss_gap.h"
#include "study/loss_map.h"
#include "study/speed.h"
#include "subjects.h"
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
    if (record.study == "train" && !run.has_or_takes_back(record.cell)) run.copy(record);
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

// One study of the profile on its images.
using Studied = std::function<void(record::RunDirectory* run)>;

std::vector<Studied> studies_of(const Profile& profile, const RunSettings& settings, Subjects& subjects) {
  constexpr std::int64_t images_of_map = 64;  // in a cell
  const auto subset = [&](std::int64_t images) {
    const auto& dataset = subjects.dataset;
    return std::make_shared<data::Subset>(dataset, images == 0 ? dataset->size() : images);
  };
  const auto curve = [&](const CurveSpec& spec) {
    return setting_of(profile, settings, timesteps_of(spec), spec.chunk);
  };
  const auto map = [&](const MapSpec& spec) {
    return setting_of(profile, settings, spec.timesteps, images_of_map);
  };
  std::vector<Studied> studies;
  if (const auto& spec = profile.loss_gap)
    studies.push_back(
        [models = curve_models(*spec, subjects.models), images = subset(spec->images),
         setting = curve(*spec)](auto* run) mutable { study::loss_gap(models, images, setting, run); });
  if (const auto& spec = profile.loss_map)
    studies.push_back([models = loss_map_models(*spec, subjects.models), images = subset(spec->images),
                       setting = map(*spec), draws = spec->draws](auto* run) mutable {
      study::loss_map(models, images, setting, draws, run);
    });
  if (const auto& spec = profile.activation)
    studies.push_back(
        [models = activation_models(*spec, subjects.models), images = subset(spec->images),
         setting = curve(*spec)](auto* run) mutable { study::activation(models, images, setting, run); });
  if (const auto& spec = profile.compute_map)
    studies.push_back([models = compute_map_models(*spec, subjects.models), images = subset(spec->images),
                       setting = map(*spec), draws = spec->draws](auto* run) mutable {
      study::compute_map(models, images, setting, draws, run);
    });
  return studies;
}

void describe_models(const Profile& profile, Subjects& subjects, record::RunDirectory& run) {
  const auto trained = copy_history(profile, run);
  for (Json& entry : subjects.described)
    if (const auto found = trained.find(entry["name"]); found != trained.end())
      entry["trained"] = found->second;
  run.describe("models", subjects.described);
}

}  // namespace

Finished run_studies(const Profile& profile, const RunSettings& settings) {
  require_runnable(profile, settings);
  Subjects subjects;
  std::vector<Studied> studies;
  std::vector<study::Trained> trained;
  Json identity = Json::object();
  if (profile.has_subjects()) {
    subjects = open_subjects(profile, settings);
    studies = studies_of(profile, settings, subjects);
    trained = trained_of(profile, settings, subjects);
    identity = {{"weights", subjects.hashes}, {"data", subjects.dataset->hash()}};
  }
  Json manifest = base_manifest(profile, settings, identity);
  if (!profile.has_studies()) {  // the sweep states its own
    manifest["identity"].erase("dtype");
    manifest["dtype"] = fmt::format("{}", fmt::join(profile.sweep->dtype, ", "));
  }
  if (profile.has_subjects()) {
    manifest["data"] = describe_data(*subjects.dataset, profile.data);
    manifest["models"] = subjects.described;
  }
  const auto run = open_run(profile, settings, manifest);
  tell_weights(profile, subjects, settings);
  if (profile.has_subjects() && run != nullptr) {
    for (const std::string& note : subjects.dataset->notes()) run->warn(note);
    describe_models(profile, subjects, *run);
  }
  for (const Studied& study : studies) study(run.get());
  if (run == nullptr) return {};
  if (profile.sweep && settings.group.size() > 1) {
    run->warn("the sweep is left out: it measures one process");
  } else if (profile.sweep) {
    studies.clear();
    subjects = {};  // their memory is the sweep's
    study::speed({.spec = *profile.sweep,
                  .trained = std::move(trained),
                  .seed = profile.seed,
                  .device = settings.device,
                  .threads = settings.threads,
                  .quiet = settings.quiet},
                 *run);
  }
  run->finish();
  const auto& records = run->records();
  const auto failed = std::count_if(records.begin(), records.end(), [](const record::Record& r) {
    return r.study != "train" && r.status == record::Status::failed;
  });
  return {.path = run->path(), .failed = failed};
}

}  // namespace dydit::run
