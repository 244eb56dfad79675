// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "data/loader.h"
#include "data/views.h"
#include "diffusion/draws.h"
#include "model/device.h"
#include "setup.h"

namespace dydit::run {

namespace {

// Images for the passes of a checkpoint's model: of data, or standard normals where there are none.
study::Chunk made_up(const model::Architecture& of, std::int64_t batch, std::uint64_t seed) {
  study::Chunk chunk{.count = batch,
                     .indices = std::vector<std::int64_t>(static_cast<std::size_t>(batch)),
                     .images = {},
                     .labels = {}};
  std::iota(chunk.indices.begin(), chunk.indices.end(), 0);
  const std::vector<std::int64_t> draws(chunk.indices.size(), 0);
  chunk.images =
      diffusion::normal_rows(seed, Purpose::sweep_input, chunk.indices, draws, {of.channels, of.side, of.side});
  chunk.labels = torch::arange(batch).remainder(of.classes);
  return chunk;
}

study::Trained trained_of(const ProfiledSpec& spec, const Loaded& loaded, const RunSettings& settings) {
  const std::int64_t batch = spec.kernels.batch;
  const model::Architecture& of = loaded.network->architecture;
  study::Trained trained{.name = spec.checkpoint->name,
                         .hash = hash_of_weights(*spec.checkpoint),
                         .network = loaded.network,
                         .family = &loaded.family,
                         .chunk = {},
                         .data_hash = "standard normals",
                         .process = loaded.process};
  if (spec.data.path.empty()) {
    trained.chunk = made_up(of, batch, spec.seed);
    return trained;
  }
  const auto dataset = open_data(spec.data, spec.seed);
  require_fit(*dataset, spec.data, of, spec.checkpoint->name);
  if (dataset->size() < batch)
    throw UsageError("fewer images than the batch", spec.data.path, "give more, or a smaller --batch");
  const auto images = std::make_shared<data::Subset>(dataset, batch);
  data::Batch read;
  data::Loader(images, {.batch = batch, .threads = settings.threads}).next(read);
  trained.chunk = study::to_chunk(*images, read, 0, batch, torch::kCPU);
  trained.data_hash = images->hash();
  return trained;
}

void require_engines(const study::KernelsSpec& spec, const engine::Family& family, const model::Architecture& of) {
  std::vector<engine::Row> rows;
  for (const std::string& name : spec.engine) rows.push_back(family.engine(name));
  if (!spec.round_to_tiles.empty()) study::require_rounding(spec.round_to_tiles, rows);
  for (const std::string& name : spec.engine)
    if (family.engine(name).executes != engine::Executes::all && !of.dynamic())
      throw UsageError("the model has no routers", spec.model, "leave --engine out, or name a DyDiT");
}

}  // namespace

Finished run_profile(const ProfiledSpec& spec, const RunSettings& settings) {
  if (settings.group.size() > 1)
    throw UsageError("processes that share a machine's cores would disturb each other's times", "profile",
                     "run it in one process");
  study::KernelsSetting setting{.spec = spec.kernels,
                                .catalog = settings.catalog,
                                .trained = {},
                                .seed = spec.seed,
                                .device = settings.device,
                                .threads = settings.threads,
                                .quiet = settings.quiet};
  Json asked{{"engine", spec.kernels.engine}, {"batch", spec.kernels.batch}, {"blocks", spec.kernels.blocks}};
  if (!spec.kernels.round_to_tiles.empty()) asked["round_to_tiles"] = spec.kernels.round_to_tiles;
  Json identity = Json::object(), models = Json::array();
  std::optional<Loaded> loaded;
  diffusion::ProcessSpec process;
  if (spec.checkpoint) {
    loaded.emplace(load(*spec.checkpoint, spec.process, settings));
    setting.spec.model = spec.checkpoint->name;
    setting.trained = {trained_of(spec, *loaded, settings)};
    process = loaded->process;
    identity = {{"weights", setting.trained.front().hash}, {"data", setting.trained.front().data_hash}};
    require_engines(setting.spec, loaded->family, loaded->network->architecture);
    models.push_back(describe_model(setting.spec.model, loaded->network->architecture));
  } else {
    setting.spec.model = spec.model;
    const engine::Family& family = engine::family_of(settings.catalog->families, spec.model);
    const model::Architecture of = family.describe(spec.model, spec.kernels.input_size);
    process = process_of_name(of, spec.process).value_or(spec.process.value_or(diffusion::ProcessSpec()));
    require_engines(setting.spec, family, of);
    study::require_axes(spec.kernels.keep, of.units, "--keep");
    asked.update(Json{{"model", spec.model},
                      {"which", spec.kernels.which},
                      {"keep", study::to_json(spec.kernels.keep)},
                      {"input_size", spec.kernels.input_size}});
  }
  Json manifest = base_manifest(asked, setting.seed, process, settings, identity);
  manifest["models"] = models;
  const auto run = open_run("profile", settings, manifest);
  if (loaded) tell(*loaded, spec.checkpoint->checkpoint, settings.silent());
  study::kernels(setting, run.get());
  run->finish();
  const auto failed = std::ranges::count(run->records(), record::Status::failed, &record::Record::status);
  return {.path = run->path(), .failed = failed};
}

}  // namespace dydit::run
