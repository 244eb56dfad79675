// SPDX-License-Identifier: Apache-2.0
#include "study/sampling_sweep.h"

#include <fmt/format.h>

#include <algorithm>

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

constexpr Bounds<std::int64_t> step_bounds{1, 1000};

const Schema<SamplingProduct>& product_schema() {
  using P = SamplingProduct;
  static const auto schema = Schema<P>()
                                 .add("models", &P::models, "of the sweep, trained ones too")
                                 .add("sampler", &P::sampler, "how noise becomes an image")
                                 .add("steps", &P::steps, step_bounds, "timesteps visited")
                                 .add("cache", &P::cache, "what is kept from one pass to the next");
  return schema;
}

void read_products(Keys& keys, SamplingSweep& to) {
  const Json given = keys.take("products");
  const std::string where = keys.where() + ".products";
  if (given.is_null()) return;
  if (!given.is_array()) throw UsageError("not a list", where, "write [[sampling.products]] for each");
  for (const Json& one : given) {
    const std::string here = fmt::format("{}[{}]", where, to.products.size());
    to.products.push_back(product_schema().from_json(one, here));
  }
}

const Schema<SamplingSweep>& sampling_sweep_schema() {
  using S = SamplingSweep;
  static const auto schema =
      Schema<S>()
          .add("models", &S::models, "published configurations under imposed masks")
          .add("trained", &S::trained, "models of the profile, dynamic ones as their routers decide")
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
          .add("steps", &S::steps, step_bounds, "timesteps visited")
          .add("cache", &S::cache, "what is kept from one pass to the next")
          .put({"products", "products of samplers, steps and caches", Option::Kind::list, "TABLES", {}}, read_products,
               [](const S& from) {
                 Json list = Json::array();
                 for (const SamplingProduct& product : from.products) {
                   Json& one = list.emplace_back(product_schema().to_json(product));
                   for (const char* name : {"models", "sampler", "steps", "cache"})
                     if (one[name].empty()) one.erase(name);
                 }
                 return list.empty() ? Json() : list;
               })
          .add("input_size", &S::input_size, Bounds<std::int64_t>{1, 8192}, "side of the latent")
          .add("blocks", &S::blocks, bounds::blocks, "interleaved blocks")
          .add("shown", &S::shown, Bounds<std::int64_t>{0, 1000}, "images of each cell in the report")
          .add("judged", &S::judged, Bounds<std::int64_t>{0, 1'000'000}, "images by which a cell's quality is judged")
          .add("judged_on_front", &S::judged_on_front, Bounds<std::int64_t>{0, 1'000'000},
               "images by which the cells on the front are judged again")
          .add("features", &S::features, {}, "network that sees features in them")
          .add("reference", &S::reference, {}, "real images that they are held against (default: the data)");
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
  const auto caches = [&](const std::vector<std::string>& list, const std::string& key) {
    require_distinct(list, where + "." + key);
    for (const std::string& name : list) {
      if (name.ends_with(".json"))  // which may change, and a cell's name would not
        throw UsageError("a file in the place of a cache", where + "." + key + " = " + name,
                         "give what it holds as a text");
      cache::cache_named(name, where + "." + key);
    }
  };
  caches(sweep.cache, "cache");
  std::vector<std::string> models = sweep.models;
  models.insert(models.end(), sweep.trained.begin(), sweep.trained.end());
  for (std::size_t i = 0; i < sweep.products.size(); ++i) {
    const std::string key = fmt::format("products[{}]", i);
    if (!sweep.products[i].models.empty()) known(sweep.products[i].models, (key + ".models").c_str(), models);
    if (!sweep.products[i].sampler.empty()) known(sweep.products[i].sampler, (key + ".sampler").c_str(), samplers);
    if (!sweep.products[i].cache.empty()) caches(sweep.products[i].cache, key + ".cache");
  }
  constexpr std::int64_t fewest = 4;  // have three neighbours each
  if ((sweep.judged > 0 && sweep.judged < fewest) || (sweep.judged > 0) != !sweep.features.empty())
    throw UsageError("quality is judged of several images by features", where + ".judged",
                     fmt::format("give features, and {} images at least", fewest));
  if (sweep.judged_on_front > 0 && (sweep.judged == 0 || sweep.judged_on_front <= sweep.judged))
    throw UsageError("what is judged again is judged by more images", where + ".judged_on_front",
                     "give judged, and more than that");
  if (sweep.judged > 0 && sweep.trained.empty())
    throw UsageError("weights that nobody trained draw nothing", where + ".judged", "give trained models");
  const Json keep = to_json(sweep)["keep"];
  names.require_models({.models = sweep.models,
                        .axes = {{"keep", {keep.begin(), keep.end()}}},
                        .engine = sweep.engine,
                        .input_size = sweep.input_size},
                       where + ".models");
  return sweep;
}

std::vector<SamplingProduct> products_of(const SamplingSweep& sweep) {
  if (sweep.products.empty()) {
    std::vector<std::string> caches = sweep.cache;
    std::erase(caches, "none");
    caches.insert(caches.begin(), "none");
    return {{{}, sweep.sampler, sweep.steps, caches}};
  }
  std::vector<SamplingProduct> products = sweep.products;
  for (SamplingProduct& product : products) {
    if (product.sampler.empty()) product.sampler = sweep.sampler;
    if (product.steps.empty()) product.steps = sweep.steps;
    if (product.cache.empty()) product.cache = sweep.cache;
  }
  return products;
}

Json to_json(const SamplingSweep& sweep) { return sampling_sweep_schema().to_json(sweep); }

}  // namespace dydit::study
