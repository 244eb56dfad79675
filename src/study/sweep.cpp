// SPDX-License-Identifier: Apache-2.0
#include "study/sweep.h"

#include "study/bounds.h"

namespace dydit::study {

namespace {

std::vector<Json> read_values(Keys& keys, const Axis& axis) {
  const Json given = keys.take(axis.name);
  const std::string where = keys.where() + "." + axis.name;
  if (given.is_null()) return axis.values;
  if (!given.is_array()) throw UsageError("not a list", where, "write it in [ ], one value too");
  const std::vector<Json> values(given.begin(), given.end());
  require_distinct(values, where);
  for (const Json& value : values) axis.check(value, where + " = " + shortened(value.dump()));
  return values;
}

}  // namespace

const std::vector<std::string>& types_of_numbers() {
  static const std::vector<std::string> types{"float32", "bfloat16", "float16"};
  return types;
}

std::vector<Axis> standard_axes() {
  const std::vector<std::string>& types = types_of_numbers();
  return {{.name = "dtype",
           .help = "type of numbers",
           .values = {"float32"},
           .check =
               [types](const Json& value, const std::string& where) {
                 if (std::ranges::none_of(types, [&](const std::string& type) { return value == type; }))
                   throw UsageError("unknown name", where, "give " + any_of(types));
               },
           .set = [](Workload& to, const Json& value) { to.dtype = value; }},
          {.name = "batch",
           .help = "images of a pass",
           .values = {4, 8},
           .check =
               [](const Json& value, const std::string& where) {
                 if (!value.is_number_integer()) throw UsageError("not a whole number", where, bounds::batch.remedy());
                 bounds::batch.require(value.get<std::int64_t>(), where);
               },
           .set = [](Workload& to, const Json& value) { to.batch = value; }},
          {.name = "keep",
           .help = "share of the units that stay on, or a list of one for each unit axis",
           .values = {0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3},
           .check = [](const Json& value, const std::string& where) { kept_from_json(value, where); },
           .set = [](Workload& to, const Json& value) { to.keep = kept_from_json(value, "keep"); }}};
}

SpeedSpec speed_spec_from_json(const Json& json, const std::string& where, const SweepNames& names) {
  using S = SpeedSpec;
  static const auto schema =
      Schema<S>()
          .add("models", &S::models, "published configurations under imposed masks")
          .add("trained", &S::trained, "dynamic models of the profile, as their routers decide")
          .add("trained_batch", &S::trained_batch, bounds::batch, "images of their passes")
          .add("timesteps", &S::timesteps, bounds::times, "of their passes")
          .add("which", &S::which, "of which units the share is kept")
          .add("engine", &S::engine, "what runs the models")
          .add("input_size", &S::input_size, Bounds<std::int64_t>{1, 8192}, "side of the latent")
          .add("blocks", &S::blocks, bounds::blocks, "interleaved blocks")
          .add("seconds", &S::seconds, bounds::seconds, "of a cell's passes in a block, at least")
          .add("latency", &S::latency, "measure besides one pass on an idle device");
  SpeedSpec spec;
  Keys keys(json, where);
  if (json.contains("trained")) spec.models.clear();
  schema.read(keys, spec);
  for (const Axis& axis : names.axes) spec.axes.emplace_back(axis.name, read_values(keys, axis));
  keys.finish();
  if (spec.latency && !spec.trained.empty())
    throw UsageError("a latency of trained models", where + ".latency", "leave it out, or give models alone");
  if (spec.models.empty() || !spec.trained.empty()) require_distinct(spec.trained, where + ".trained");
  const auto require_each = [&](const std::vector<std::string>& list, const char* key,
                                const std::vector<std::string>& known) {
    require_distinct(list, where + "." + key);
    for (const std::string& entry : list) require_known(entry, known, where + "." + key);
  };
  require_each(spec.which, "which", {"widths", "tokens", "both"});
  require_each(spec.engine, "engine", names.engines);
  if (!spec.models.empty()) require_distinct(spec.models, where + ".models");
  names.require_models(spec, where + ".models");
  return spec;
}

Json to_json(const SpeedSpec& s) {
  Json json = {
      {"models", s.models}, {"trained", s.trained}, {"trained_batch", s.trained_batch}, {"timesteps", s.timesteps}};
  for (const auto& [name, values] : s.axes) json[name] = values;
  json.update(Json{{"which", s.which},
                   {"engine", s.engine},
                   {"input_size", s.input_size},
                   {"blocks", s.blocks},
                   {"seconds", s.seconds},
                   {"latency", s.latency}});
  if (!s.round_to_tiles.empty()) json["round_to_tiles"] = s.round_to_tiles;
  return json;
}

std::vector<Workload> product(const Workload& start, const std::vector<Axis>& axes,
                              const std::function<std::vector<Json>(const std::string& axis)>& values_of) {
  std::vector<Workload> points{start};
  for (const Axis& axis : axes) {
    std::vector<Workload> longer;
    for (const Workload& before : points)
      for (const Json& value : values_of(axis.name)) {
        longer.push_back(before);
        longer.back().point[axis.name] = value;
        axis.set(longer.back(), value);
      }
    points = std::move(longer);
  }
  return points;
}

}  // namespace dydit::study
