// SPDX-License-Identifier: Apache-2.0
#include "record/record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/bounds.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

namespace dydit::record {

namespace {

constexpr std::pair<Status, const char*> status_names[] = {
    {Status::ok, "ok"}, {Status::failed, "failed"}, {Status::skipped, "skipped"}};

Json to_json(const Metric& metric) {
  Json json = {{"value", metric.value}, {"unit", metric.unit}};
  if (metric.ci95) json["ci95"] = *metric.ci95;
  if (!metric.blocks.empty()) json["blocks"] = metric.blocks;
  return json;
}

/// The JSON writer turns numbers that are not finite into null; this is the way back.
double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

Metric metric_of(const Json& json) {
  Metric metric{number_of(json.at("value")), json.at("unit").get<std::string>()};
  if (json.contains("ci95")) metric.ci95 = {number_of(json["ci95"].at(0)), number_of(json["ci95"].at(1))};
  if (json.contains("blocks"))
    for (const Json& block : json["blocks"]) {
      auto& samples = metric.blocks.emplace_back();
      for (const Json& sample : block) samples.push_back(number_of(sample));
    }
  return metric;
}

Status status_of(const std::string& name) {
  for (const auto& [status, known] : status_names)
    if (name == known) return status;
  throw InputError("unknown status '" + shortened(name) + "'");
}

Record record_of(const Json& json) {
  Record record;
  record.cell = json.at("cell").get<std::string>();
  record.study = json.at("study").get<std::string>();
  record.axes = json.at("axes");
  if (!record.axes.is_object()) throw InputError("axes that are no object");
  record.status = status_of(json.at("status").get<std::string>());
  for (const auto& [name, metric] : json.at("metrics").items()) record.metrics[name] = metric_of(metric);
  record.tensors = json.value("tensors", record.tensors);
  record.process = json.value("process", record.process);
  record.machine = json.value("machine", record.machine);
  record.error = json.value("error", record.error);
  return record;
}

/// Sorted keys (nlohmann's own map), and one form for a number however it was written.
nlohmann::json canonical(const Json& json) {
  if (json.is_object()) {
    auto sorted = nlohmann::json::object();
    for (const auto& [key, value] : json.items()) sorted[key] = canonical(value);
    return sorted;
  }
  if (json.is_array()) {
    auto array = nlohmann::json::array();
    for (const Json& value : json) array.push_back(canonical(value));
    return array;
  }
  if (json.is_number_float()) {
    const auto value = json.get<double>();
    if (std::abs(value) < 0x1p53 && value == std::trunc(value)) return static_cast<std::int64_t>(value);
  }
  return nlohmann::json(json);
}

}  // namespace

std::string cell_hash(const std::string& study, const Json& axes, const std::vector<std::string>& input_hashes,
                      std::uint64_t seed) {
  const Json identity = {{"study", study}, {"axes", axes}, {"inputs", input_hashes}, {"seed", seed}};
  return hash_of(canonical(identity).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string to_line(const Record& record) {
  Json json = {{"schema", schema_version}, {"cell", record.cell}, {"study", record.study}, {"axes", record.axes}};
  json["status"] = std::find_if(std::begin(status_names), std::end(status_names), [&](const auto& entry) {
                     return entry.first == record.status;
                   })->second;
  Json& metrics = json["metrics"] = Json::object();
  for (const auto& [name, metric] : record.metrics) metrics[name] = to_json(metric);
  if (!record.tensors.empty()) json["tensors"] = record.tensors;
  json["process"] = record.process;
  json["machine"] = record.machine;
  if (!record.error.empty()) json["error"] = record.error;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Record from_line(std::string_view line) {
  try {
    const auto json = parse_json<Json>(line);
    if (!json) throw InputError("not a record", "", json_limits);
    if (!json->is_object() || !json->contains("schema")) throw InputError("not a record");
    if ((*json)["schema"] != schema_version)
      throw InputError("schema " + shortened((*json)["schema"].dump()) + " where " + std::to_string(schema_version) +
                       " is known; read it with the version of dydit that wrote it");
    return record_of(*json);
  } catch (const Json::exception& error) {
    throw InputError(std::string("not a record (") + error.what() + ")");
  }
}

/// Why the line of a record would not be taken; nothing where it would.
static std::optional<std::string> fault_of(const Record& record) {
  try {
    std::string line = to_line(record);
    line.pop_back();
    from_line(line);
    return std::nullopt;
  } catch (const InputError& error) {
    return error.what();
  }
}

Record readable(Record record) {
  const auto fault = fault_of(record);
  if (!fault) return record;
  Record failed{.cell = std::move(record.cell),
                .study = std::move(record.study),
                .axes = std::move(record.axes),
                .status = Status::failed,
                .process = std::move(record.process),
                .error = "the record could not be read back (" + *fault + ")"};
  if (fault_of(failed)) throw RunError("a record could not be read back", failed.study, *fault);
  return failed;
}

std::string safe_name(const std::string& name) {
  constexpr std::size_t longest = 80;
  std::string safe;
  bool changed = name.empty() || name.size() > longest || name.find("--") != std::string::npos;
  for (const char c : name.substr(0, longest)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '_' || c == '-' || (c == '.' && !safe.empty())) {
      safe += c;
    } else {
      safe += c == '/' ? "--" : "-";
      changed |= c != '/';
    }
  }
  changed |= safe.find("---") != std::string::npos;
  return changed ? safe + "-" + hash_of(name).substr(0, 8) : safe;
}

}  // namespace dydit::record
