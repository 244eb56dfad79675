// SPDX-License-Identifier: Apache-2.0
#include "study/speed_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/keys.h"
#include "diffusion/schedule.h"
#include "model/configuration.h"

namespace dydit::study {

using nlohmann::ordered_json;

// Throws UsageError unless there is an entry, and each passes and is there once.
template <typename T, typename Check>
static void require_each(const std::vector<T>& list, const std::string& where, const Check& check) {
  if (list.empty()) throw UsageError("an empty list", where, "give one entry at least");
  for (const T& entry : list) {
    check(entry);
    if (std::count(list.begin(), list.end(), entry) > 1)
      throw UsageError("an entry given twice", where, "give it once");
  }
}

// Throws UsageError unless all entries are among the known ones, each once.
static void require_known(const std::vector<std::string>& list, const std::string& where,
                          const std::vector<std::string>& known) {
  require_each(list, where, [&](const std::string& entry) {
    if (std::find(known.begin(), known.end(), entry) == known.end())
      throw UsageError("unknown name", where + ": " + entry,
                       fmt::format("known are {}", fmt::join(known, ", ")));
  });
}

SpeedSpec speed_spec_from_json(const ordered_json& json, const std::string& where) {
  SpeedSpec spec;
  Keys keys(json, where);
  if (json.is_object() && json.contains("trained")) spec.models.clear();
  keys.read("models", spec.models).read("trained", spec.trained).read("trained_batch", spec.trained_batch);
  keys.read("timesteps", spec.timesteps)
      .read("keep", spec.keep)
      .read("which", spec.which)
      .read("batch", spec.batch);
  keys.read("engine", spec.engine).read("dtype", spec.dtype).read("input_size", spec.input_size);
  keys.read("blocks", spec.blocks).read("seconds", spec.seconds).read("latency", spec.latency).finish();
  const auto refuse = [](bool wrong, const char* what, const std::string& key, const char* remedy) {
    if (wrong) throw UsageError(what, key, remedy);
  };
  if (spec.models.empty() || !spec.trained.empty())
    require_each(spec.trained, where + ".trained", [](const std::string&) {});
  refuse(spec.timesteps < 1 || spec.timesteps > diffusion::diffusion_steps, "value out of range",
         where + ".timesteps", "give 1 to 1000");
  if (!spec.models.empty())
    require_each(spec.models, where + ".models", [&](const std::string& name) {
      model::Configuration c = model::published(name);
      refuse(!c.dynamic, "a model without routers", where + ".models: " + name, "give DyDiT-S/2 or the like");
      c.input_size = spec.input_size;
      model::validate(c);
    });
  require_each(spec.keep, where + ".keep", [&](double keep) {
    refuse(!(keep > 0 && keep <= 1), "value out of range", where + ".keep", "give shares above 0, up to 1");
  });
  require_known(spec.which, where + ".which", {"widths", "tokens", "both"});
  require_known(spec.engine, where + ".engine", {"dense", "masked", "compact"});
  require_known(spec.dtype, where + ".dtype", {"float32", "bfloat16", "float16"});
  for (const auto& [key, list] : {std::pair{".batch", &spec.batch}, {".trained_batch", &spec.trained_batch}})
    require_each(*list, where + key, [&](std::int64_t batch) {
      refuse(batch < 1, "value out of range", where + key, "give positive numbers");
    });
  refuse(spec.blocks < 1 || spec.blocks > 100'000, "value out of range", where + ".blocks",
         "give 1 to 100000");
  refuse(spec.latency && !spec.trained.empty(), "a latency of trained models", where + ".latency",
         "leave it out, or give models alone");
  refuse(!(spec.seconds >= 0 && spec.seconds <= 3600), "value out of range", where + ".seconds",
         "give 0 to 3600");
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
