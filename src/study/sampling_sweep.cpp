// SPDX-License-Identifier: Apache-2.0
#include "study/sampling_sweep.h"

#include "cache/spec.h"
#include "diffusion/sampling_spec.h"
#include "study/bounds.h"

namespace dydit::study {

namespace {

void read_keep(Keys& keys, SamplingSweep& to) {
  const Json given = keys.take("keep");
  const std::string where = keys.where() + ".keep";
  if (given.is_null()) return;
  if (!given.is_array()) throw UsageError("not a list", where, "write it in [ ], one value too");
  to.keep.clear();
  for (const Json& value : given) to.keep.push_back(kept_from_json(value, where + " = " + shortened(value.dump())));
  require_distinct(to.keep, where);
}

const Schema<SamplingSweep>& sampling_sweep_schema() {
  using S = SamplingSweep;
  static const auto schema =
      Schema<S>()
          .add("models", &S::models, "published configurations under imposed masks")
          .add("trained", &S::trained, "dynamic models of the profile, as their routers decide")
          .add("dtype", &S::dtype, "types of numbers")
          .add("batch", &S::batch, bounds::batch, "images of a trajectory")
          .add("guidance", &S::guidance, Bounds<double>{-1000, 1000}, "scales of guidance (1: none)")
          .put({"keep", "shares of the units that stay on", Option::Kind::list, bounds::keep.words(), {}}, read_keep,
               [](const S& from) {
                 Json list = Json::array();
                 for (const Kept& keep : from.keep) list.push_back(to_json(keep));
                 return list;
               })
          .add("which", &S::which, "of which units the share is kept")
          .add("engine", &S::engine, "what runs the models")
          .add("sampler", &S::sampler, "how noise becomes an image")
          .add("steps", &S::steps, Bounds<std::int64_t>{1, 1000}, "timesteps visited")
          .add("cache", &S::cache, "what is kept from one pass to the next")
          .add("input_size", &S::input_size, Bounds<std::int64_t>{1, 8192}, "side of the latent")
          .add("blocks", &S::blocks, bounds::blocks, "interleaved blocks")
          .add("shown", &S::shown, Bounds<std::int64_t>{0, 1000}, "images of each cell in the report");
  return schema;
}

}  // namespace

SamplingSweep sampling_sweep_from_json(const Json& json, const std::string& where, const SweepNames& names) {
  SamplingSweep sweep;
  if (json.is_object() && json.contains("trained") && !json.contains("models")) sweep.models.clear();
  sweep = sampling_sweep_schema().from_json(json, where, sweep);
  const auto known = [&](const std::vector<std::string>& list, const char* key, const std::vector<std::string>& all) {
    require_distinct(list, where + "." + key);
    for (const std::string& entry : list) require_known(entry, all, where + "." + key);
  };
  if (sweep.models.empty() && sweep.trained.empty())
    throw UsageError("nothing to sample from", where, "give models or trained");
  if (!sweep.models.empty()) require_distinct(sweep.models, where + ".models");
  if (!sweep.trained.empty()) require_distinct(sweep.trained, where + ".trained");
  known(sweep.dtype, "dtype", types_of_numbers());
  known(sweep.which, "which", {"widths", "tokens", "both"});
  known(sweep.engine, "engine", names.engines);
  std::vector<std::string> samplers;
  for (const diffusion::SamplerRow& row : diffusion::samplers())
    // Of what chooses its times itself no two trajectories are the same work.
    if (!row.adaptive && std::ranges::find(samplers, row.name) == samplers.end()) samplers.push_back(row.name);
  known(sweep.sampler, "sampler", samplers);
  require_distinct(sweep.cache, where + ".cache");
  for (const std::string& name : sweep.cache) {
    if (name.ends_with(".json"))  // which may change, and a cell's name would not
      throw UsageError("a file in the place of a cache", where + ".cache = " + name, "give what it holds as a text");
    cache::cache_named(name, where + ".cache");
  }
  const Json keep = to_json(sweep)["keep"];
  names.require_models({.models = sweep.models,
                        .axes = {{"keep", {keep.begin(), keep.end()}}},
                        .engine = sweep.engine,
                        .input_size = sweep.input_size},
                       where + ".models");
  return sweep;
}

Json to_json(const SamplingSweep& sweep) { return sampling_sweep_schema().to_json(sweep); }

}  // namespace dydit::study
