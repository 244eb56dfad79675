// SPDX-License-Identifier: Apache-2.0
#include "study/speed_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/keys.h"
#include "diffusion/bounds.h"
#include "model/bounds.h"
#include "model/configuration.h"
#include "study/bounds.h"

namespace dydit::study {

using nlohmann::ordered_json;

// Throws UsageError unless there is an entry, and each is there once.
template <typename T>
static void require_distinct(const std::vector<T>& list, const std::string& where) {
  if (list.empty()) throw UsageError("an empty list", where, "give one entry at least");
  for (const T& entry : list)
    if (std::count(list.begin(), list.end(), entry) > 1)
      throw UsageError("an entry given twice", where, "give it once");
}

// Throws UsageError unless all entries are among the known ones, each once.
static void require_known(const std::vector<std::string>& list, const std::string& where,
                          const std::vector<std::string>& known) {
  require_distinct(list, where);
  for (const std::string& entry : list)
    if (std::find(known.begin(), known.end(), entry) == known.end())
      throw UsageError("unknown name", where + ": " + entry,
                       fmt::format("known are {}", fmt::join(known, ", ")));
}

// Throws UsageError unless each is a published configuration with routers that takes the spec's input size.
static void require_models(const SpeedSpec& spec, const std::string& where) {
  require_distinct(spec.models, where);
  for (const std::string& name : spec.models) {
    model::Configuration c = model::published(name);
    if (!c.dynamic)
      throw UsageError("a model without routers", where + ": " + name, "give DyDiT-S/2 or the like");
    c.input_size = spec.input_size;
    model::validate(c);
  }
}

SpeedSpec speed_spec_from_json(const ordered_json& json, const std::string& where) {
  SpeedSpec spec;
  Keys keys(json, where);
  if (json.is_object() && json.contains("trained")) spec.models.clear();
  keys.read("models", spec.models).read("trained", spec.trained);
  keys.read("trained_batch", spec.trained_batch, bounds::batch).read("batch", spec.batch, bounds::batch);
  keys.read("timesteps", spec.timesteps, diffusion::bounds::timesteps).read("keep", spec.keep, bounds::keep);
  keys.read("which", spec.which).read("engine", spec.engine).read("dtype", spec.dtype);
  keys.read("input_size", spec.input_size, model::bounds::input_size);
  keys.read("blocks", spec.blocks, bounds::blocks).read("seconds", spec.seconds, bounds::seconds);
  keys.read("latency", spec.latency).finish();
  if (spec.latency && !spec.trained.empty())
    throw UsageError("a latency of trained models", where + ".latency", "leave it out, or give models alone");
  if (spec.models.empty() || !spec.trained.empty()) require_distinct(spec.trained, where + ".trained");
  if (!spec.models.empty()) require_models(spec, where + ".models");
  require_distinct(spec.keep, where + ".keep");
  require_known(spec.which, where + ".which", {"widths", "tokens", "both"});
  require_known(spec.engine, where + ".engine", {"dense", "masked", "compact"});
  require_known(spec.dtype, where + ".dtype", {"float32", "bfloat16", "float16"});
  require_distinct(spec.batch, where + ".batch");
  require_distinct(spec.trained_batch, where + ".trained_batch");
  return spec;
}

ordered_json to_json(const SpeedSpec& spec) {
  return {{"models", spec.models},         {"trained", spec.trained}, {"trained_batch", spec.trained_batch},
          {"timesteps", spec.timesteps},   {"keep", spec.keep},       {"which", spec.which},
          {"batch", spec.batch},           {"engine", spec.engine},   {"dtype", spec.dtype},
          {"input_size", spec.input_size}, {"blocks", spec.blocks},   {"seconds", spec.seconds},
          {"latency", spec.latency}};
}

}  // namespace dydit::study
