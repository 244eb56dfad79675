// SPDX-License-Identifier: Apache-2.0
#include "study/costs.h"

#include <algorithm>

#include "setup.h"

namespace dydit::run {

Finished run_costs(const study::CostsSpec& spec, std::uint64_t seed, const RunSettings& settings) {
  if (settings.group.size() > 1)
    throw UsageError("processes that share a machine's cores would disturb each other's times", "costs",
                     "run it in one process");
  study::require_costs(spec, *settings.catalog);
  const model::Architecture of =
      engine::family_of(settings.catalog->families, spec.model).describe(spec.model, spec.input_size);
  const Json asked = study::costs_schema().to_json(spec);
  const auto process = process_of_name(of, std::nullopt).value_or(diffusion::ProcessSpec());
  Json manifest = base_manifest(asked, seed, process, settings, Json::object());
  manifest["block"] = study::describe_block(of);
  manifest["models"] = Json::array({describe_model(spec.model, of)});
  const auto run = open_run("costs", settings, manifest);
  study::costs({.spec = spec,
                .catalog = settings.catalog,
                .trained = {},
                .seed = seed,
                .device = settings.device,
                .threads = settings.threads,
                .quiet = settings.quiet,
                .group = settings.group},
               run.get());
  run->finish();
  const auto failed = std::ranges::count(run->records(), record::Status::failed, &record::Record::status);
  return {.path = run->path(), .failed = failed};
}

}  // namespace dydit::run
