// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/hash.h"
#include "data/views.h"
#include "quality/images.h"
#include "setup.h"
#include "study/sampling.h"

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

// One study of the profile on its images.
using Studied = std::function<void(record::RunDirectory* run)>;

std::vector<Studied> studies_of(const Profile& profile, const RunSettings& settings, const Subjects& subjects) {
  std::vector<Studied> studies;
  for (const StudySpec& spec : profile.studies) {
    auto models = chosen(spec.options.models, spec.info.models, subjects.models, spec.info.name + ".models");
    const std::int64_t images = spec.options.images == 0 ? subjects.dataset->size() : spec.options.images;
    const study::Setting setting{.times = times_of(spec, subjects.process),
                                 .chunk = spec.options.chunk,
                                 .process = subjects.process,
                                 .seed = profile.seed,
                                 .device = settings.device,
                                 .dtype = settings.dtype,
                                 .threads = settings.threads,
                                 .quiet = settings.quiet,
                                 .group = settings.group};
    const study::Row& row = *std::ranges::find(settings.catalog->studies, spec.info.name, &study::Row::name);
    studies.push_back([&row, spec, models, setting, subset = std::make_shared<data::Subset>(subjects.dataset, images)](
                          auto* run) mutable { study::run_study(row, spec.options, models, subset, setting, run); });
  }
  return studies;
}

void describe_models(const Profile& profile, Subjects& subjects, record::RunDirectory& run) {
  const auto trained = copy_history(profile, run);
  for (Json& entry : subjects.described)
    if (const auto found = trained.find(entry["name"]); found != trained.end()) entry["trained"] = found->second;
  run.describe("models", subjects.described);
}

// The network and the real images by which drawn ones are judged, where the profile names them.
std::optional<study::Judging> judging_of(const Profile& profile, const RunSettings& settings) {
  if (!profile.sampling || profile.sampling->judged == 0) return std::nullopt;
  const study::SamplingSweep& sampling = *profile.sampling;
  const std::string& real = sampling.reference.empty() ? profile.data.path : sampling.reference;
  if (sampling.reference.empty() && !quality::has_images(real))
    throw UsageError("the data are no images that others could be held against", real,
                     "name real ones as sampling.reference");
  const std::shared_ptr<const quality::FeatureNetwork> network =
      quality::load_network(sampling.features, settings.device);
  quality::Set reference;
  torch::InferenceMode inference;
  if (quality::has_images(real)) {
    quality::Seen seen = quality::see(real, *network,
                                      {.size = real.ends_with(".npz") ? std::nullopt : std::optional(profile.data.size),
                                       .threads = settings.threads,
                                       .spatial = false,
                                       .logits = false,
                                       .quiet = settings.silent()});
    if (!settings.silent())
      for (const std::string& note : seen.notes) fmt::print(stderr, "dydit: {}\n", note);
    reference = std::move(seen.set);
  } else {
    reference = quality::read_set(real);
  }
  const std::string hash =
      std::filesystem::is_directory(real) ? data::open_image_set(real, profile.data.size)->hash() : hash_of_file(real);
  return study::Judging(network, std::move(reference),
                        fmt::format("{:.8} {:.8}", hash_of_file(sampling.features), hash), profile.seed);
}

}  // namespace

Finished run_studies(const Profile& asked, const RunSettings& settings) {
  require_runnable(asked, settings);
  if (asked.sweep && !asked.sweep->round_to_tiles.empty()) {
    auto engines = engine::engines_of(settings.catalog->families);
    std::erase_if(engines,
                  [&](const engine::Row& row) { return std::ranges::count(asked.sweep->engine, row.name) == 0; });
    study::require_rounding(asked.sweep->round_to_tiles, engines);
  }
  Profile profile = asked;
  Subjects subjects = open_subjects(profile, settings);
  std::vector<Studied> studies = studies_of(profile, settings, subjects);
  Json identity = Json::object();
  if (profile.has_subjects()) identity = {{"weights", subjects.hashes}, {"data", subjects.dataset->hash()}};
  Json manifest = base_manifest(profile, settings, identity);
  if (profile.studies.empty()) {  // what is timed states its own
    manifest["identity"].erase("dtype");
    std::set<std::string> types;
    if (profile.sweep)
      for (const auto& [axis, values] : profile.sweep->axes)
        if (axis == "dtype")
          for (const Json& value : values) types.insert(value.get<std::string>());
    if (profile.sampling) types.insert(profile.sampling->dtype.begin(), profile.sampling->dtype.end());
    manifest["dtype"] = fmt::format("{}", fmt::join(types, ", "));
  }
  if (profile.has_subjects()) {
    manifest["data"] = describe_data(*subjects.dataset, profile.data);
    manifest["models"] = subjects.described;
  }
  const auto setting = [&](const auto& spec, const std::vector<study::Trained>& models) {
    return study::MeasureSetting<std::decay_t<decltype(spec)>>{.spec = spec,
                                                               .catalog = settings.catalog,
                                                               .trained = models,
                                                               .seed = profile.seed,
                                                               .device = settings.device,
                                                               .threads = settings.threads,
                                                               .quiet = settings.quiet,
                                                               .group = settings.group};
  };
  if (profile.sampling) study::require_sampleable({setting(*profile.sampling, subjects.sampled), {}});
  const std::optional<study::Judging> judging = judging_of(profile, settings);
  const auto run = open_run(profile.name, settings, manifest);
  tell_weights(profile, subjects, settings);
  if (profile.has_subjects() && run != nullptr) {
    for (const std::string& note : subjects.dataset->notes()) run->warn(note);
    describe_models(profile, subjects, *run);
  }
  for (const Studied& study : studies) study(run.get());
  const auto trained = std::move(subjects.trained), sampled = std::move(subjects.sampled);
  studies.clear();
  subjects = {};  // what is timed has their memory
  if (profile.sweep) study::speed(setting(*profile.sweep, trained), run.get());
  if (profile.sampling) study::sampling({setting(*profile.sampling, sampled), judging}, run.get());
  if (run == nullptr) return {};
  run->finish();
  const auto& records = run->records();
  const auto failed = std::count_if(records.begin(), records.end(), [](const record::Record& r) {
    return r.study != "train" && r.status == record::Status::failed;
  });
  return {.path = run->path(), .failed = failed};
}

}  // namespace dydit::run
