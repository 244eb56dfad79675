// SPDX-License-Identifier: Apache-2.0
#include "sampled.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "subject.h"

namespace dydit::study {

using record::Json;
using record::Record;

std::vector<SampledModel> sampled_models(const SamplingSetting& s) {
  std::vector<SampledModel> models;
  const auto add = [&](const std::string& name, const Trained* trained) {
    for (const std::string& dtype : s.spec.dtype)
      for (const std::int64_t batch : s.spec.batch)
        for (const double guidance : s.spec.guidance) models.push_back({name, trained, dtype, batch, guidance});
  };
  for (const std::string& name : s.spec.models) add(name, nullptr);
  for (const Trained& trained : s.trained) add(trained.name, &trained);
  return models;
}

SampledCell reference_of(const SamplingSweep& sweep, const engine::Family& family) {
  return {
      .engine = family.complete_engine(sweep.engine), .sampler = sweep.sampler.front(), .steps = sweep.steps.front()};
}

Others others_of(const SampledCell& cell, const SampledCell& reference) {
  Others others{cell, cell, cell, reference};
  others.alone.sampler = reference.sampler, others.alone.steps = reference.steps, others.alone.cache = "none";
  for (SampledCell* complete : {&others.cached, &others.solved})
    complete->engine = reference.engine, complete->which = Which::all, complete->keep = {};
  others.solved.cache = "none";
  others.by_cache.cache = cell.cache;
  return others;
}

namespace {

// The complete model first, in its engine, and then what leaves units out.
std::vector<SampledCell> sampled_runs(const SamplingSetting& s, const SampledModel& model) {
  const engine::Family& family = family_of(*s.catalog, model.trained, model.name);
  std::vector<SampledCell> runs{reference_of(s.spec, family)};
  for (const std::string& name : s.spec.engine) {
    const engine::Row& engine = family.engine(name);
    if (engine.executes == engine::Executes::all) {
      if (name == runs.front().engine.name) continue;
      throw UsageError("trajectories are compared with one complete engine", name,
                       fmt::format("name {} or this one", runs.front().engine.name));
    }
    if (model.trained != nullptr) {
      if (model.trained->network->architecture.dynamic()) runs.push_back({.engine = engine, .which = Which::own});
      continue;
    }
    for (const std::string& which : s.spec.which)
      for (const Kept& keep : s.spec.keep)
        if (!keep.everything() || which == s.spec.which.front())  // with everything on they are one
          runs.push_back(
              {.engine = engine, .which = keep.everything() ? Which::all : which_named(which), .keep = keep});
  }
  return runs;
}

}  // namespace

std::vector<SampledCell> sampled_cells(const SamplingSetting& s, const SampledModel& model) {
  const std::vector<SampledCell> runs = sampled_runs(s, model);
  std::vector<SampledCell> cells;
  const auto add = [&](const SampledCell& cell) {
    if (std::ranges::find(cells, cell) == cells.end()) cells.push_back(cell);
  };
  add(runs.front());
  for (SampledCell cell : runs)
    for (const SamplingProduct& product : products_of(s.spec)) {
      const std::vector<std::string>& models = product.models;
      if (!models.empty() && std::ranges::find(models, model.name) == models.end()) continue;
      for (const std::string& sampler : product.sampler)
        for (const std::int64_t steps : product.steps)
          for (const std::string& cache : product.cache) {
            cell.sampler = sampler;
            cell.steps = steps;
            cell.cache = cache;
            const Others others = others_of(cell, runs.front());
            for (const SampledCell& other : {others.by_cache, others.solved, others.cached, others.alone}) add(other);
            add(cell);
          }
    }
  return cells;
}

bool is_judged(const SamplingSetting& s, const SampledModel& model, const SampledCell& cell) {
  return s.judging && model.trained != nullptr && cell.complete() != model.trained->network->architecture.dynamic();
}

Record cell_record(const SamplingSetting& s, const SampledModel& model, const SampledCell& cell, const char* study,
                   std::int64_t judged_again) {
  Json axes{{"model", model.name},        {"dtype", model.dtype},       {"batch", model.batch},
            {"guidance", model.guidance}, {"engine", cell.engine.name}, {"which", to_string(cell.which)}};
  if (model.trained == nullptr) axes["keep"] = to_json(cell.keep);
  axes.update(Json{{"sampler", cell.sampler},
                   {"steps", cell.steps},
                   {"cache", cell.cache},
                   {"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)},
                   {"threads", s.threads}});
  name_input_size(axes, model.trained, s.spec.input_size);
  if (is_judged(s, model, cell)) axes["judged_by"] = s.judging->by;
  std::vector<std::string> inputs{
      fmt::format("{} {} {} {}", s.spec.input_size, s.spec.blocks, s.spec.sampler.front(), s.spec.steps.front())};
  if (model.trained != nullptr)
    inputs.push_back(fmt::format("{} {}", model.trained->hash, to_json(model.trained->process).dump()));
  if (is_judged(s, model, cell)) inputs.push_back(fmt::format("{}", s.spec.judged));
  if (judged_again > 0) inputs.push_back(fmt::format("{}", judged_again));
  return {.cell = record::cell_hash(study, axes, inputs, s.seed), .study = study, .axes = axes};
}

}  // namespace dydit::study
