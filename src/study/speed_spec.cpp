// SPDX-License-Identifier: Apache-2.0
#include "study/speed_spec.h"

#include <algorithm>

#include "base/error.h"
#include "base/keys.h"
#include "imposed.h"
#include "model/device.h"

namespace dydit::study {

using nlohmann::ordered_json;

// Throws UsageError unless there is an entry, and each passes and is there once.
template <typename T, typename Check>
static void require_each(const std::vector<T>& list, const std::string& where, const Check& check) {
  if (list.empty()) throw UsageError("an empty list", where, "give one entry at least");
  for (const T& entry : list) {
    check(entry);
    if (std::count(list.begin(), list.end(), entry) > 1) throw UsageError("an entry given twice", where, "give it once");
  }
}

SpeedSpec speed_spec_from_json(const ordered_json& json, const std::string& where) {
  SpeedSpec spec;
  Keys keys(json, where);
  keys.read("models", spec.models).read("keep", spec.keep).read("which", spec.which).read("batch", spec.batch);
  keys.read("engine", spec.engine).read("dtype", spec.dtype).read("input_size", spec.input_size);
  keys.read("blocks", spec.blocks).read("seconds", spec.seconds).finish();
  const auto refuse = [](bool wrong, const char* what, const std::string& key, const char* remedy) {
    if (wrong) throw UsageError(what, key, remedy);
  };
  require_each(spec.models, where + ".models", [&](const std::string& name) {
    model::Configuration c = model::published(name);
    refuse(!c.dynamic, "a model without routers", where + ".models: " + name, "give DyDiT-S/2 or the like");
    c.input_size = spec.input_size;
    model::validate(c);
  });
  require_each(spec.keep, where + ".keep", [&](double keep) {
    refuse(!(keep > 0 && keep <= 1), "value out of range", where + ".keep", "give shares above 0, up to 1");
  });
  require_each(spec.which, where + ".which", [&](const std::string& which) {
    refuse(which_named(which) == Which::all, "no share is kept of all", where + ".which", "give widths, tokens or both");
  });
  require_each(spec.batch, where + ".batch", [&](std::int64_t batch) {
    refuse(batch < 1, "value out of range", where + ".batch", "give positive numbers");
  });
  require_each(spec.engine, where + ".engine", [&](const std::string& engine) {
    refuse(engine != "dense" && engine != "masked" && engine != "compact", "no such engine", where + ".engine: " + engine,
           "known are dense, masked and compact");
  });
  require_each(spec.dtype, where + ".dtype", [](const std::string& dtype) { model::dtype_named(dtype); });
  refuse(spec.blocks < 1, "value out of range", where + ".blocks", "give a positive number");
  refuse(!(spec.seconds >= 0), "value out of range", where + ".seconds", "give 0 or more");
  return spec;
}

ordered_json to_json(const SpeedSpec& spec) {
  return {{"models", spec.models}, {"keep", spec.keep},     {"which", spec.which},
          {"batch", spec.batch},   {"engine", spec.engine}, {"dtype", spec.dtype},
          {"input_size", spec.input_size}, {"blocks", spec.blocks}, {"seconds", spec.seconds}};
}

}  // namespace dydit::study
