// SPDX-License-Identifier: Apache-2.0
// Results of nvbench: --json.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "formats.h"

namespace dydit::compare {

namespace {

// In the order in which they count.
constexpr std::array tags{"nv/cold/time/gpu/median", "nv/cold/time/gpu/mean", "nv/cpu_only/time/cpu/median",
                          "nv/cpu_only/time/cpu/mean"};

// Each state has the name of its benchmark once more, so that it multiplies what the file takes in memory.
constexpr std::size_t longest_benchmark = 128;

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_array() ? *found : none;
}

/// Numbers stand there as texts.
const Json* value_of(const Json& summary) {
  for (const Json& data : list_of(summary, "data"))
    if (data.is_object() && text_or(data, "name", "") == "value" && data.contains("value")) return &data["value"];
  return nullptr;
}

double number_of(const Json& summary, const Where& where) {
  const Json* value = value_of(summary);
  if (value == nullptr) throw where.error("a summary without a value", "write the file with nvbench's --json");
  if (value->is_number()) return value->get<double>();
  const std::string text = value->is_string() ? value->get<std::string>() : "";
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  throw where.error(fmt::format("{} is no number", text_or(summary, "tag", "a summary")),
                    "write the file with nvbench's --json");
}

/// "copy Elements{io}=1024 T=F32 device=0"
std::string name_of(const std::string& benchmark, const Json& state) {
  std::string name = benchmark;
  for (const Json& axis : list_of(state, "axis_values"))
    if (axis.is_object()) name += fmt::format(" {}={}", text_or(axis, "name", "?"), text_or(axis, "value", "?"));
  if (const auto device = state.find("device"); device != state.end() && device->is_number_integer())
    name += fmt::format(" device={}", device->get<std::int64_t>());
  return name;
}

}  // namespace

ProcessRun read_nvbench(const Json& file, const std::string& path, const Reading& reading) {
  std::map<std::string, Gathered> gathered;
  for (const Json& benchmark : file.at("benchmarks")) {
    const std::string of_all = benchmark.is_object() ? text_or(benchmark, "name", "") : "";
    if (of_all.empty()) throw Where{path, of_all}.error("a benchmark without a name", "expected nvbench's JSON");
    if (of_all.size() > longest_benchmark)
      throw Where{path, of_all.substr(0, longest_benchmark)}.error("a name that is too long",
                                                                   "call the benchmark otherwise");
    for (const Json& state : list_of(benchmark, "states")) {
      if (!state.is_object()) throw Where{path, of_all}.error("a state that is no object", "expected nvbench's JSON");
      const std::string name = name_of(of_all, state);
      const Where where{path, name};
      const auto [entry, is_new] = gathered.try_emplace(name);
      if (!is_new) throw where.error("two benchmarks of one name", "give each process run a file of its own");
      if (state.value("is_skipped", Json(false)) == Json(true)) {
        entry->second.error = fmt::format("skipped: {}", text_or(state, "skip_reason", "no reason"));
        continue;
      }
      Gathered& one = entry->second;
      std::map<std::string, const Json*> summaries;  // the first of each tag
      for (const Json& summary : list_of(state, "summaries"))
        if (summary.is_object()) summaries.try_emplace(text_or(summary, "tag", ""), &summary);
      for (const char* tag : tags)
        if (const auto found = summaries.find(tag); found != summaries.end() && one.seconds.empty()) {
          one.quantity = tag;
          one.add_time(number_of(*found->second, where), where);
        }
      for (const std::string& count : reading.counts)
        if (const auto found = summaries.find(count); found != summaries.end())
          one.add_count(count, number_of(*found->second, where));
    }
  }
  return run_of(gathered);
}

}  // namespace dydit::compare
