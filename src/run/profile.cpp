// SPDX-License-Identifier: Apache-2.0
#include "run/profile.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <set>

#include "base/file.h"
#include "base/keys.h"
#include "checkpoint/checkpoint.h"
#include "diffusion/schedule.h"

namespace dydit::run {

namespace {

constexpr std::int64_t diffusion_steps = 1000;

// The parser recurses over dotted keys; its stack bears those of a file of this size.
constexpr std::size_t largest_profile = 32 << 10;

Json json_of(const toml::node& node, const std::string& where, int depth = 0) {
  constexpr int deepest = 64;
  if (depth > deepest) throw UsageError("keys nest too deep", where);
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = json_of(value, where, depth + 1);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& value : *array) list.push_back(json_of(value, where, depth + 1));
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  if (const auto* number = node.as_floating_point(); number != nullptr && std::isfinite(number->get()))
    return number->get();
  throw UsageError("neither text, a finite number nor a boolean",
                   fmt::format("{}:{}", where, node.source().begin.line));
}

/// The position after the string that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool has_lines = text.substr(at).starts_with(three);
  at += has_lines ? 3 : 1;
  while (at < text.size() && (has_lines || text[at] != '\n')) {
    if (has_lines && text.substr(at).starts_with(three)) {
      at += 3;
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more)
        ++at;  // its last characters
      return at;
    }
    if (!has_lines && text[at] == quote) return at + 1;
    at += quote == '"' && text[at] == '\\' ? 2 : 1;
  }
  return at;
}

/// toml++ 3.3 runs into undefined behaviour over most letters outside ASCII where a blank could be. TOML has
/// them in strings and comments alone.
void require_ascii_outside_strings(std::string_view text, const std::string& where) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::size_t at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) >= 0x80)
      throw UsageError(
          "not a TOML profile",
          fmt::format("{}:{}", where, 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n')),
          "put letters outside ASCII in quotes");
    if (text[at] == '#')
      at = std::min(text.find('\n', at), text.size());
    else
      at = text[at] == '"' || text[at] == '\'' ? end_of_string(text, at) : at + 1;
  }
}

Json parse_toml(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  if (text.size() > largest_profile)
    throw UsageError("far larger than a profile", path.string(), "give a file below 32 KiB");
  require_ascii_outside_strings(text, path.string());
  try {
    return json_of(toml::parse(text), path.string());
  } catch (const toml::parse_error& error) {
    throw UsageError("not a TOML profile", fmt::format("{}:{}", path.string(), error.source().begin.line),
                     std::string(error.description()));
  }
}

// "synthetic:N" and absolute paths stay.
void resolve(std::string& path, const std::filesystem::path& folder) {
  if (path.empty() || path.starts_with("synthetic:")) return;
  path = (folder / path).lexically_normal().string();
}

DataSpec read_data(const Json& json, const std::string& where, const std::filesystem::path& folder) {
  DataSpec data;
  Keys keys(json, where);
  keys.read("path", data.path).read("size", data.size).read("grain", data.grain).finish();
  resolve(data.path, folder);
  return data;
}

ModelSpec read_model(const Json& json, const std::string& where, const std::filesystem::path& folder) {
  ModelSpec model;
  Keys keys(json, where);
  keys.read("name", model.name).read("checkpoint", model.checkpoint).read("weights", model.weights);
  if (std::int64_t heads = 0; !keys.take("num_heads").is_null()) {
    keys.read("num_heads", heads);
    model.num_heads = heads;
  }
  model.configuration = keys.take("configuration");
  if (const Json train = keys.take("train"); !train.is_null()) model.train = train;
  keys.finish();
  if (model.name.empty()) throw UsageError("a model without a name", where, "give name = \"...\"");
  checkpoint::weights_named(model.weights);
  resolve(model.checkpoint, folder);
  return model;
}

LossGapSpec read_loss_gap(const Json& json, const std::string& where) {
  LossGapSpec spec;
  Keys keys(json, where);
  if (json.is_object() && json.contains("timesteps") && json["timesteps"].is_array()) {
    keys.read("timesteps", spec.at);
    require_timesteps(spec.at, where + ".timesteps");
  } else {
    keys.read("timesteps", spec.timesteps);
  }
  keys.read("images", spec.images).read("chunk", spec.chunk).finish();
  if (spec.timesteps < 1 || spec.timesteps > diffusion_steps)
    throw UsageError("value out of range", where + ".timesteps", "give 1 to 1000, or a list");
  if (spec.images < 0) throw UsageError("value out of range", where + ".images", "give 0 (all) or more");
  if (spec.chunk < 1) throw UsageError("value out of range", where + ".chunk", "give a positive number");
  return spec;
}

LossMapSpec read_loss_map(const Json& json, const std::string& where) {
  LossMapSpec spec;
  Keys keys(json, where);
  keys.read("timesteps", spec.timesteps).read("images", spec.images).read("draws", spec.draws);
  keys.read("shown", spec.shown)
      .read("normalise_each", spec.normalise_each)
      .read("models", spec.models)
      .finish();
  if (spec.images < 0) throw UsageError("value out of range", where + ".images", "give 0 (all) or more");
  if (spec.draws < 1 || spec.shown < 1)
    throw UsageError("value out of range", where, "draws and shown are positive");
  require_timesteps(spec.timesteps, where + ".timesteps");
  return spec;
}

}  // namespace

Profile read_profile(const std::filesystem::path& path) {
  const Json json = parse_toml(path);
  const std::string where = path.filename().string();
  const auto folder = path.parent_path();
  Profile profile;
  profile.name = path.stem().string();
  Keys keys(json, where);
  keys.read("name", profile.name)
      .read("seed", profile.seed)
      .read("history", profile.history)
      .read("note", profile.note);
  keys.read("noise_schedule", profile.noise_schedule);
  diffusion::noise_schedule(profile.noise_schedule);
  resolve(profile.history, folder);
  if (const Json data = keys.take("data"); !data.is_null())
    profile.data = read_data(data, where + ": data", folder);
  if (const Json data = keys.take("held-out"); !data.is_null())
    profile.held_out = read_data(data, where + ": held-out", folder);
  std::set<std::string> names;
  for (const Json& model : keys.take("models")) {
    profile.models.push_back(
        read_model(model, fmt::format("{}: models[{}]", where, profile.models.size()), folder));
    if (!names.insert(profile.models.back().name).second)
      throw UsageError("two models of the same name", where, profile.models.back().name);
  }
  if (const Json gap = keys.take("loss-gap"); !gap.is_null())
    profile.loss_gap = read_loss_gap(gap, where + ": loss-gap");
  if (const Json map = keys.take("loss-map"); !map.is_null())
    profile.loss_map = read_loss_map(map, where + ": loss-map");
  profile.train = keys.take("train");
  keys.finish();
  if (profile.loss_map)
    for (const std::string& name : profile.loss_map->models)
      if (!names.contains(name)) throw UsageError("no such model", where + ": loss-map.models", name);
  if (!profile.train.is_null())
    for (const ModelSpec& model : profile.models) train_options(profile, model);
  return profile;
}

Json to_json(const Profile& p) {
  const auto data = [](const DataSpec& d) {
    return Json{{"path", d.path}, {"size", d.size}, {"grain", d.grain}};
  };
  Json json = {
      {"name", p.name}, {"seed", p.seed}, {"noise_schedule", p.noise_schedule}, {"data", data(p.data)}};
  if (p.held_out) json["held-out"] = data(*p.held_out);
  json["models"] = Json::array();
  for (const ModelSpec& m : p.models) {
    Json model = {{"name", m.name}};
    if (!m.checkpoint.empty()) model.update(Json{{"checkpoint", m.checkpoint}, {"weights", m.weights}});
    if (m.num_heads) model["num_heads"] = *m.num_heads;
    if (!m.configuration.is_null()) model["configuration"] = m.configuration;
    if (!p.train.is_null()) model["train"] = train::to_json(train_options(p, m));
    json["models"].push_back(model);
  }
  if (p.loss_gap)
    json["loss-gap"] = {
        {"timesteps", p.loss_gap->at.empty() ? Json(p.loss_gap->timesteps) : Json(p.loss_gap->at)},
        {"images", p.loss_gap->images},
        {"chunk", p.loss_gap->chunk}};
  if (p.loss_map)
    json["loss-map"] = {{"timesteps", p.loss_map->timesteps},
                        {"images", p.loss_map->images},
                        {"draws", p.loss_map->draws},
                        {"shown", p.loss_map->shown},
                        {"normalise_each", p.loss_map->normalise_each},
                        {"models", p.loss_map->models}};
  if (!p.history.empty()) json["history"] = p.history;
  if (!p.note.empty()) json["note"] = p.note;
  return json;
}

void require_timesteps(const std::vector<std::int64_t>& timesteps, const std::string& where) {
  if (timesteps.empty()) throw UsageError("no timesteps", where);
  std::set<std::int64_t> seen;
  for (std::int64_t t : timesteps) {
    if (t < 0 || t >= diffusion_steps)
      throw UsageError("timestep out of range", where, fmt::format("{}: give 0 to 999", t));
    if (!seen.insert(t).second)
      throw UsageError("a timestep given twice", where, fmt::format("{}: give it once", t));
  }
}

std::vector<std::int64_t> timesteps_of(const LossGapSpec& spec) {
  return spec.at.empty() ? diffusion::even_timesteps(diffusion_steps, spec.timesteps) : spec.at;
}

train::TrainOptions train_options(const Profile& profile, const ModelSpec& model) {
  Json options = profile.train.is_null() ? Json::object() : profile.train;
  options.update(model.train);
  return train::train_options_from_json(options);
}

}  // namespace dydit::run
