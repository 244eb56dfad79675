// SPDX-License-Identifier: Apache-2.0
#include "analysis/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bounds.h"
#include "chunks.h"

namespace dydit::analysis {

using record::Json;
using record::Run;

namespace {

[[noreturn]] void refuse(const Run& run, const std::string& what) { throw InputError(what, run.path.string()); }

/// The place of a text of the manifest among the values that are allowed.
template <std::size_t count>
std::size_t choice(const Run& run, const Json& part, const char* key,
                   const std::array<std::string_view, count>& allowed) {
  const auto text = entry(run, part, key, std::string());
  const auto found = std::find(allowed.begin(), allowed.end(), text);
  if (found == allowed.end())
    refuse(run, fmt::format("'{}' is '{}' where one of {} is expected", key, text, fmt::join(allowed, ", ")));
  return static_cast<std::size_t>(found - allowed.begin());
}

/// A name that is not empty and none of those before it.
std::string new_name(const Run& run, const Json& part, std::set<std::string>& seen) {
  const auto name = entry(run, part, "name", std::string());
  if (name.empty() || !seen.insert(name).second) refuse(run, "engines and units need names of their own");
  return name;
}

std::vector<UnitAxis> units_of(const Run& run, const Json& units) {
  std::vector<UnitAxis> axes;
  std::set<std::string> seen;
  for (const Json& unit : units) {
    const std::string name = new_name(run, unit, seen);
    axes.push_back({.name = name,
                    .label = entry(run, unit, "label", name),
                    .per_token = choice<2>(run, unit, "scope", {"timestep", "token"}) == 1,
                    .layers = entry(run, unit, "layers", std::size_t{0})});
  }
  return axes;
}

std::vector<UnitAxis> older_units() {
  return {{.name = "heads", .label = "heads", .metric = "heads_on"},
          {.name = "channels", .label = "channel groups", .column = "groups", .metric = "channel_groups_on"},
          {.name = "tokens", .label = "tokens", .per_token = true, .metric = "tokens_on"}};
}

}  // namespace

std::string Process::words(std::string_view text) const {
  std::string result(text);
  for (const auto& [from, to] : {std::pair{diffusion.predicted, predicted}, std::pair{diffusion.symbol, symbol}})
    for (auto at = result.find(from); from != to && at != result.npos; at = result.find(from, at + to.size()))
      result.replace(at, from.size(), to);
  return result;
}

nlohmann::json process_entry(const Run& run) {
  const auto profile = entry(run, run.manifest, "profile", Json::object());
  const Json schedule = profile.value("noise_schedule", Json("linear"));
  return entry(run, run.manifest, "process", Json{{"name", diffusion.name}, {"noise_schedule", schedule}});
}

const Process& process_of(const Run& run) {
  const Json process = process_entry(run);
  const auto name = entry(run, process, "name", std::string()),
             prediction = entry(run, process, "prediction", std::string());
  for (const Process& known : processes)
    if (known.name == name && (known.prediction == prediction || prediction.empty())) return known;
  refuse(run, fmt::format("a process '{}' that predicts '{}' is not known", shortened(name), shortened(prediction)));
}

std::map<std::string, Engine> engines_of(const Run& run) {
  std::map<std::string, Engine> engines{{"dense", {Executes::all, "dense"}},
                                        {"masked", {Executes::masked, "masked"}},
                                        {"compact", {Executes::kept, "compact"}}};
  std::set<std::string> seen;
  for (const Json& engine : entry(run, run.manifest, "engines", Json::array())) {
    const std::string name = new_name(run, engine, seen);
    engines[name] = {static_cast<Executes>(choice<3>(run, engine, "executes", {"all", "masked", "kept"})), name};
  }
  return engines;
}

Model model_in(std::span<const Run> runs, const std::string& name) {
  Model result{false, older_units(), {}};
  for (const Run& run : runs)
    for (const Json& model : entry(run, run.manifest, "models", Json::array())) {
      if (entry(run, model, "name", std::string()) != name) continue;
      Json shape = entry(run, model, "configuration", Json::object());
      const bool said = model.contains("units");
      const auto units = said ? units_of(run, entry(run, model, "units", Json::array())) : older_units();
      const bool dynamic = said ? !units.empty() : shape.value("dynamic", Json()) == Json(true);
      for (const char* key : {"name", "dynamic", "first_unit_always_on"}) shape.erase(key);
      result = {dynamic, units, model.value("dense", shape)};
    }
  return result;
}

std::vector<std::string> unit_labels(std::span<const Run> runs, std::optional<bool> per_token) {
  std::vector<std::string> labels;
  const auto add = [&](const std::vector<UnitAxis>& units) {
    for (const UnitAxis& axis : units)
      if (axis.per_token == per_token.value_or(axis.per_token) &&
          std::find(labels.begin(), labels.end(), axis.label) == labels.end())
        labels.push_back(axis.label);
  };
  bool any = false;
  for (const Run& run : runs)
    for (const Json& model : entry(run, run.manifest, "models", Json::array()))
      if (const Model said = model_in(runs, entry(run, model, "name", std::string())); said.dynamic) {
        add(said.units);
        any = true;
      }
  if (!any) add(older_units());
  return labels;
}

}  // namespace dydit::analysis
