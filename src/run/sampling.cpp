// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/device.h"
#include "record/metric.h"
#include "sample/sample.h"
#include "setup.h"

namespace dydit::run {

namespace {

void require_classes(const std::vector<std::int64_t>& classes, const model::Architecture& of) {
  for (const std::int64_t label : classes)
    if (label < 0 || label >= of.classes)
      throw UsageError("no such class", fmt::format("--classes {}", label),
                       fmt::format("the model has 0 to {}", of.classes - 1));
}

const engine::Row& engine_of(const std::string& name, const Loaded& loaded, const std::string& where) {
  if (name.empty()) return loaded.family.default_engine(*loaded.network);
  return loaded.family.engine_for(name, loaded.network->architecture, where);
}

diffusion::SamplingSpec sampling_of(const Json& given, const diffusion::ProcessSpec& process) {
  diffusion::SamplingSpec usual;
  if (process.name == "flow") usual.sampler = "heun";
  return diffusion::sampling_schema().from_json(given, "sampling", usual);
}

// Whether steps, or full passes, are chosen by all images of a batch.
bool depends_on_batch(const diffusion::SamplingSpec& sampling, const Loaded& loaded,
                      const std::optional<cache::CacheSpec>& cache) {
  return diffusion::require_sampler(sampling, loaded.process.name).adaptive || (cache && cache->test != "none");
}

// Throws UsageError where guidance is asked for and acts nowhere.
void require_guidance(const diffusion::SamplingSpec& sampling, const diffusion::SamplerRow& row,
                      const std::vector<double>& times) {
  if (!sampling.cfg_from && !sampling.cfg_to) return;
  const diffusion::Guidance guidance = sampling.guidance();
  const std::string where = fmt::format("--cfg-from {} --cfg-to {}", guidance.from, guidance.to);
  if (guidance.scale == 1) throw UsageError("an interval of no guidance", where, "give --cfg-scale too");
  const bool acts = row.adaptive
                        ? guidance.from <= guidance.to && guidance.from <= times.back() && guidance.to >= times.front()
                        : std::ranges::any_of(times, [&](double time) { return guidance.acts(time); });
  if (!acts)
    throw UsageError("guidance acts at none of the sampler's times", where,
                     fmt::format("they are {} to {}", std::ranges::min(times), std::ranges::max(times)));
}

// Guidance doubles the images of a pass. Only the numbers themselves tell the images, not the run that they are from.
engine::Options options_of(const SampleSpec& spec, const Loaded& loaded, const engine::Row& engine,
                           const diffusion::SamplingSpec& sampling, const RunSettings& settings) {
  if (spec.round_to_tiles.empty()) return {};
  study::require_rounding(spec.round_to_tiles, {engine});
  engine::Options options;
  options.round_up = study::round_up_of(spec.round_to_tiles, loaded.network->architecture,
                                        {.engine = engine.name,
                                         .dtype = std::string(model::dtype_name(settings.dtype)),
                                         .batch = sampling.guidance().scale == 1 ? spec.batch : 2 * spec.batch,
                                         .device = settings.device,
                                         .threads = settings.threads});
  return options;
}

// What rounding did to the plan, on stderr and in the manifest.
void tell_rounding(const engine::RoundedPlan& plan, const model::Architecture& of, record::RunDirectory& run) {
  const study::RoundingDone done = study::rounding_done(plan, of);
  Json stay_on = Json::object();
  for (const auto& [label, more] : done.stay_on) stay_on[label] = more;
  run.describe("rounding", {{"stay_on", stay_on},
                            {"lambda_planned", done.lambda_planned},
                            {"lambda_kept", done.lambda_kept},
                            {"tokens", "all"}});
  run.warn(done.words() + ", tokens apart");
}

// The autoencoder that is asked for, or none.
quality::Vae vae_of(const std::string& path, const model::Architecture& of, const RunSettings& settings) {
  if (path.empty()) return nullptr;
  quality::Vae vae = quality::load_vae(path, settings.device, settings.dtype);
  if (const auto channels = vae->configuration.latent_channels; channels != of.channels)
    throw UsageError("the autoencoder does not fit the model", "--vae " + path,
                     fmt::format("its latents have {} channels, those of the model {}", channels, of.channels));
  return vae;
}

// The content of a checkpoint tells the images, not its name.
Json manifest_of(const SampleSpec& spec, const Loaded& loaded, const diffusion::SamplingSpec& sampling,
                 const std::optional<cache::CacheSpec>& cache, const engine::Row& engine,
                 const engine::RoundUp& round_up, const quality::Vae& vae, const RunSettings& settings) {
  Json asked{{"sampling", diffusion::sampling_schema().to_json(sampling)},
             {"classes", spec.classes.empty() ? Json("all") : Json(spec.classes)},
             {"engine", engine.name}};
  if (cache) asked["cache"] = cache::to_json(*cache);
  if (!round_up.empty()) asked["round_to_tiles"] = round_up;
  if (depends_on_batch(sampling, loaded, cache)) asked["batch"] = spec.batch;
  Json identity{{"process", diffusion::to_json(loaded.process)}, {"weights", hash_of_weights(spec.model)}};
  if (vae) identity["vae"] = quality::hash_of_vae(spec.vae, vae->configuration);
  Json manifest = base_manifest(asked, spec.seed, loaded.process, settings, identity);
  Json model = describe_model(spec.model.name, loaded.network->architecture);
  model["checkpoint"] = (std::filesystem::path(spec.model.checkpoint) / "").parent_path().filename().string();
  model["weights"] = loaded.weights;
  manifest["models"] = Json::array({model});
  return manifest;
}

record::Record record_of(const SampleSpec& spec, const Json& identity, const sample::Made& made,
                         const RunSettings& settings) {
  record::Record record{.cell = "",
                        .study = "sample",
                        .axes = {{"model", spec.model.name},
                                 {"engine", identity["engine"]},
                                 {"dtype", model::dtype_name(settings.dtype)},
                                 {"sampler", identity["sampling"]["sampler"]},
                                 {"steps", identity["sampling"]["steps"]},
                                 {"cache", spec.cache},
                                 {"images", spec.images}}};
  record.cell = record::cell_hash(record.study, record.axes, {identity["weights"]}, spec.seed);
  record.metrics["images_per_second"] =
      record::measured("images_per_second", static_cast<double>(made.images) / made.seconds);
  record.machine["processes"] = settings.group.size();
  return record;
}

}  // namespace

Sampled run_sampling(const SampleSpec& spec, const RunSettings& settings) {
  torch::InferenceMode inference;
  const Loaded loaded = load(spec.model, spec.process, settings);
  const model::Architecture& of = loaded.network->architecture;
  require_classes(spec.classes, of);
  const engine::Row& engine = engine_of(spec.engine, loaded, spec.model.checkpoint);
  const diffusion::SamplingSpec sampling = sampling_of(spec.sampling, loaded.process);
  const auto cache = sample::cache_of(spec.cache, diffusion::require_sampler(sampling, loaded.process.name));
  const std::shared_ptr sampler = diffusion::sampler_of(sampling, loaded.process, of.learns_sigma, settings.device);
  require_guidance(sampling, diffusion::require_sampler(sampling, loaded.process.name), sampler->times());
  const engine::Options options = options_of(spec, loaded, engine, sampling, settings);
  const std::shared_ptr runs = engine.make(loaded.network, options);
  const quality::Vae vae = vae_of(spec.vae, of, settings);
  const sample::Job job{.setting = {.model = sample::model_of(*loaded.network, runs, cache, loaded.process,
                                                              sampler->times(), settings.device),
                                    .sampler = sampler,
                                    .guidance = sampling.guidance(),
                                    .shape = {of.channels, of.side, of.side},
                                    .classes = spec.classes,
                                    .seed = spec.seed,
                                    .device = settings.device},
                        .vae = vae,
                        .images = spec.images,
                        .batch = spec.batch,
                        .depends_on_batch = depends_on_batch(sampling, loaded, cache),
                        .quiet = settings.quiet,
                        .group = settings.group};
  const Json manifest = manifest_of(spec, loaded, sampling, cache, engine, options.round_up, vae, settings);
  require_same_everywhere({{"images", spec.images}, {"batch", spec.batch}}, settings.group);
  const auto run = open_run("sample", settings, manifest);
  tell(loaded, spec.model.checkpoint, settings.silent());
  if (run != nullptr && of.channels != 3 && !vae && !settings.quiet)
    fmt::print(stderr, "dydit: {} channels are latents, written as they are: --vae makes pictures of them\n",
               of.channels);
  if (const auto plan = runs->rounded_plan(); plan && run != nullptr) tell_rounding(*plan, of, *run);
  const sample::Made made = sample::sample(job, run.get());
  if (run == nullptr) return {};
  if (made.images > 0) run->append(record_of(spec, manifest["identity"], made, settings));
  run->finish();
  return {.path = run->path(), .images = spec.images, .made = made.images, .seconds = made.seconds};
}

}  // namespace dydit::run
