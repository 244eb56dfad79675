// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "data/views.h"
#include "dit/weights.h"
#include "record/manifest.h"
#include "setup.h"
#include "train/baseline_masks.h"
#include "train/train.h"

namespace dydit::run {

namespace {

// That of the profile, or of the checkpoint that the training begins with; with routers where they are
// trained. `taken` is set to which of that checkpoint's weights they are,
// `process` to the one that they or the name are of.
dit::Configuration configuration_of(const ModelSpec& spec, const std::optional<train::DynamicOptions>& dynamic,
                                    const std::optional<diffusion::ProcessSpec>& asked, std::string& taken,
                                    std::optional<diffusion::ProcessSpec>& process) {
  if (spec.configuration.is_null() == spec.checkpoint.empty())
    throw UsageError(
        spec.checkpoint.empty() ? "a model without a configuration" : "a model with configuration and checkpoint",
        spec.name, "give configuration = { ... }, or the checkpoint to begin with");
  dit::Configuration configuration;
  if (spec.checkpoint.empty()) {
    configuration = dit::from_json(spec.configuration);
    process = process_of_name(dit::architecture_of(configuration), asked);
  } else {
    const auto opened = dit::open_official(spec.checkpoint, checkpoint::weights_named(spec.weights));
    configuration = dit::configuration_of(opened, spec.checkpoint, spec.num_heads);
    taken = opened.weights;
    process = recorded_process(opened, spec.checkpoint);
    dit::load_dit(opened, spec.checkpoint, spec.num_heads);  // refused before a run is begun
    if (dynamic && configuration.dynamic && (dynamic->order != "none" || dynamic->decide == "static"))
      throw UsageError("units are ordered and pruned before routers are trained", spec.checkpoint, "begin from a DiT");
  }
  return dynamic ? dit::with_routers(configuration) : configuration;
}

// `process_said` becomes false where neither the profile nor the checkpoint tells the process.
train::Job job_of(const Profile& profile, const ModelSpec& spec, const RunSettings& settings,
                  const std::shared_ptr<const data::Dataset>& images,
                  const std::shared_ptr<const data::Dataset>& held_out, bool& process_said) {
  const train::TrainOptions options = train_options(profile, spec);
  std::string taken;
  std::optional<diffusion::ProcessSpec> process;
  const auto configuration = configuration_of(spec, options.dynamic, profile.process, taken, process);
  if (!process && !profile.process && !spec.checkpoint.empty()) process_said = false;
  train::Job job{.model = spec.name,
                 .configuration = configuration,
                 .options = options,
                 .process = process_of(profile.process, {process}, {spec.name}),
                 .seed = profile.seed,
                 .device = settings.device,
                 .threads = settings.threads,
                 .quiet = settings.quiet,
                 .images = images,
                 .held_out = held_out,
                 .group = settings.group};
  if (!spec.checkpoint.empty())
    job.start = {.checkpoint = spec.checkpoint,
                 .weights = checkpoint::weights_named(spec.weights),
                 .num_heads = spec.num_heads,
                 .hash = hash_of_weights(spec),
                 .taken = taken};
  if (options.dynamic)
    train::require_reachable(*options.dynamic, dit::architecture_of(job.configuration));
  else if (job.configuration.dynamic)
    throw UsageError("routers need a target", spec.name, "give train = { dynamic = { lambda = ... } }, or --lambda");
  require_fit(*images, profile.data, dit::architecture_of(job.configuration), spec.name);
  require_fit(*held_out, profile.held_out.value_or(profile.data), dit::architecture_of(job.configuration), spec.name);
  return job;
}

// The GPU's name where the driver tells it.
std::string device_name(torch::Device device) {
  const Json gpus = record::machine_description()["gpus"];
  const auto index = static_cast<std::size_t>(device.has_index() ? device.index() : 0);
  return device.is_cuda() && index < gpus.size() ? gpus[index].get<std::string>() : device.str();
}

// What the report says of a finished training.
Json trained(const train::Job& job, const Profile& profile, const RunSettings& settings,
             const record::RunDirectory& run) {
  double seconds = 0;
  for (const record::Record& record : run.records())
    if (record.study == "train" && record.axes.value("model", "") == job.model && record.metrics.contains("seconds"))
      seconds = std::max(seconds, record.metrics.at("seconds").value);
  return {{"images", job.images->size()},
          {"steps", job.options.steps},
          {"batch", job.options.batch},
          {"seconds", seconds},
          {"device", device_name(settings.device)},
          {"profile", profile.name}};
}

// Images and held-out ones. Where the profile names none of those, a tenth of the images at most is held back for them.
std::pair<std::shared_ptr<const data::Dataset>, std::shared_ptr<const data::Dataset>> open_training_data(
    const Profile& profile) {
  const auto whole = open_data(profile.data, profile.seed);
  if (profile.held_out) return {whole, open_data(*profile.held_out, profile.seed)};
  const auto count = std::clamp<std::int64_t>(whole->size() / 10, 1, 1000);
  const auto held_out = std::make_shared<const data::Subset>(whole, count);
  return {std::make_shared<const data::Subset>(data::Subset::without(whole, *held_out)), held_out};
}

}  // namespace

Finished run_training(const Profile& asked, const RunSettings& settings, const std::vector<std::string>& names) {
  Profile profile = asked;
  const auto [images, held_out] = open_training_data(profile);
  std::vector<train::Job> jobs;
  Json described = Json::array(), starts = Json::object();
  bool process_said = true;
  for (const ModelSpec& spec : profile.models) {
    if (!names.empty() && std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
    jobs.push_back(job_of(profile, spec, settings, images, held_out, process_said));
    described.push_back(describe_model(spec.name, dit::architecture_of(jobs.back().configuration)));
    if (jobs.back().start.hash.empty()) continue;
    starts[spec.name] = jobs.back().start.hash;
    described.back()["weights"] = jobs.back().start.taken;  // those that it began with
  }
  for (const std::string& name : names)
    if (std::none_of(jobs.begin(), jobs.end(), [&](const train::Job& job) { return job.model == name; }))
      throw UsageError("no such model in the profile", name, "name one of its models");
  if (jobs.empty()) throw UsageError("nothing to train", profile.name, "add models to the profile");
  for (const train::Job& job : jobs)
    if (job.process != jobs.front().process)
      throw UsageError("models of two processes in one training",
                       fmt::format("{} and {}", jobs.front().model, job.model), "train them apart (--only)");
  profile.process = jobs.front().process;
  Json identity = {{"data", images->hash()}, {"held-out", held_out->hash()}, {"threads", settings.all_threads}};
  if (!starts.empty()) identity["weights"] = starts;
  Json manifest = base_manifest(profile, settings, identity);
  manifest["data"] = describe_data(*images, profile.data);
  manifest["models"] = described;
  const auto run = open_run(profile.name, settings, manifest);
  for (const train::Job& job : jobs)
    if (!job.start.checkpoint.empty()) tell_weights(job.start.checkpoint, job.start.taken, settings.silent());
  tell_process(*profile.process, process_said, settings.silent());
  if (run != nullptr) {
    for (const std::string& note : images->notes()) run->warn(note);
    if (profile.held_out)  // otherwise a part of the same set
      for (const std::string& note : held_out->notes()) run->warn(note);
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    train::train(jobs[i], run.get());
    if (run == nullptr) continue;
    described[i]["trained"] = trained(jobs[i], profile, settings, *run);
    run->describe("models", described);
  }
  if (run == nullptr) return {};
  run->finish();
  return {.path = run->path()};
}

}  // namespace dydit::run
