// SPDX-License-Identifier: Apache-2.0
#include "compare/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "base/median.h"
#include "base/text.h"
#include "formats.h"
#include "record/run_directory.h"

namespace fs = std::filesystem;

namespace dydit::compare {

InputError Where::error(const std::string& what, const std::string& remedy) const {
  return {what, benchmark.empty() ? path : fmt::format("{}, {}", path, benchmark), remedy};
}

void Gathered::add_time(double time, const Where& where) {
  // Beyond these, sums and ratios of times could overflow.
  if (!(time >= 1e-30 && time <= 1e30))
    throw where.error(fmt::format("a time of {:g} s", time), "measure it again: times lie between 1e-30 and 1e30 s");
  seconds.push_back(time);
}

void Gathered::add_count(const std::string& name, double count) {
  const auto [known, is_new] = counts.try_emplace(name, std::array{count, count});
  known->second = {std::min(known->second[0], count), std::max(known->second[1], count)};
}

ProcessRun run_of(const std::map<std::string, Gathered>& gathered) {
  ProcessRun run;
  for (const auto& [name, one] : gathered) {
    Measured& measured = run[name];
    measured.counts = one.counts;
    measured.quantity = one.quantity;
    measured.error = !one.error.empty() ? one.error : one.seconds.empty() ? "no time" : "";
    if (measured.error.empty()) measured.seconds = median_of(one.seconds).value;
  }
  return run;
}

std::string text_or(const Json& object, const char* key, const std::string& otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

double number(const Json& object, const char* key, const Where& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number())
    throw where.error(fmt::format("no number {}", key), "write the file anew, as JSON");
  return found->get<double>();
}

std::int64_t whole(const Json& object, const char* key, const Where& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer())
    throw where.error(fmt::format("no whole number {}", key), "write the file anew, as JSON");
  return found->get<std::int64_t>();
}

namespace {

constexpr std::size_t longest = 64 << 20;

// What a record's time is called, and what it counts without noise.
constexpr std::array time_metrics{"time", "image_time", "latency"};
constexpr std::array counted{"gmacs",        "sampling_gmacs",    "passes",
                             "full_passes",  "weight_memory",     "cache_memory",
                             "kernel_calls", "activation_memory", "allocations"};

std::string name_of(const record::Record& record) {
  std::string name = record.study;
  for (const auto& [axis, value] : record.axes.items())
    name += fmt::format(" {}={}", axis, value.is_string() ? value.get<std::string>() : value.dump());
  return name;
}

ProcessRun read_run_directory(const fs::path& path, const Reading& reading) {
  ProcessRun run;
  std::vector<std::string> counts(counted.begin(), counted.end());
  counts.insert(counts.end(), reading.counts.begin(), reading.counts.end());
  for (const record::Record& record : record::read_run(path).records) {
    const std::string name = name_of(record), file = (path / "results.jsonl").string();
    const Where where{file, name};
    Gathered one;
    if (record.status == record::Status::ok)  // what is left of a failed cell may be no number
      for (const char* time : time_metrics)
        if (const auto found = record.metrics.find(time); found != record.metrics.end() && one.seconds.empty()) {
          one.quantity = time;
          one.add_time(found->second.value / 1000, where);
        }
    // A study of losses has none, and is no benchmark; a failed cell is one.
    if (one.seconds.empty() && record.status == record::Status::ok) continue;
    for (const std::string& count : counts)
      if (const auto found = record.metrics.find(count); found != record.metrics.end())
        one.add_count(count, found->second.value);
    if (record.status != record::Status::ok) one.error = record.error.empty() ? "not measured" : record.error;
    if (run.contains(name)) throw where.error("two benchmarks of one name", "measure them anew, in a run of their own");
    run.merge(run_of({{name, one}}));
  }
  return run;
}

// Not what cannot be looked at, as a link that leads to itself.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_run(const fs::path& path) { return is_file(path / "manifest.json"); }

// Google Benchmark writes NaN and Infinity, which JSON does not have: the variation of a counter that is always 0. As
// null they are no number where one is needed.
std::string with_nulls(std::string_view text) {
  constexpr std::array words{"-NaN", "NaN", "-Infinity", "Infinity"};
  std::string json;
  json.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size())
      json += text[i++];
    else if (text[i] == '"')
      quoted = !quoted;
    const auto word =
        std::ranges::find_if(words, [&](const char* one) { return !quoted && text.substr(i).starts_with(one); });
    if (word == words.end()) {
      json += text[i];
    } else {
      json += "null";
      i += std::string_view(*word).size() - 1;
    }
  }
  return json;
}

}  // namespace

ProcessRun read_json(std::string_view text, const std::string& where, const Reading& reading) {
  constexpr const char* remedy =
      "results are JSON of Google Benchmark (--benchmark_format=json, --benchmark_out=FILE) or nvbench (--json FILE), "
      "or a run directory";
  if (text.size() > longest) throw InputError("larger than 64 MiB", where, "compare fewer benchmarks at once");
  const auto file = parse_json<Json>(with_nulls(text), 16, 2 * longest);
  if (!file) throw InputError("not JSON", where, remedy);
  const auto benchmarks = file->is_object() ? file->find("benchmarks") : file->end();
  if (!file->is_object() || benchmarks == file->end() || !benchmarks->is_array())
    throw InputError("no list of benchmarks", where, remedy);
  const bool nvbench = std::ranges::any_of(*benchmarks, [](const Json& one) { return one.contains("states"); });
  return nvbench ? read_nvbench(*file, where, reading) : read_google_benchmark(*file, where, reading);
}

Results read_results(const fs::path& path, const Reading& reading) {
  Results results{.path = path, .runs = {}, .notes = {}};
  const auto add = [&](const fs::path& from) {
    if (is_run(from))
      results.runs.push_back(read_run_directory(from, reading));
    else
      results.runs.push_back(read_json(MappedFile(from).text(), from.string(), reading));
  };
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw InputError("no such file or folder", path.string(), "name results");
  if (!fs::is_directory(path) || is_run(path)) {
    add(path);
  } else {
    std::error_code unreadable;
    std::vector<fs::path> entries(fs::directory_iterator(path, unreadable), fs::directory_iterator{});
    if (unreadable) throw InputError("cannot read the folder", path.string(), unreadable.message());
    std::ranges::sort(entries);
    for (const fs::path& entry : entries) {
      if (is_run(entry) || (entry.extension() == ".json" && is_file(entry)))
        add(entry);
      else
        results.notes.push_back(fmt::format("{} is no result and was left out", entry.string()));
    }
    if (results.runs.empty())
      throw InputError("no results in the folder", path.string(), "it holds run directories or files *.json");
  }
  return results;
}

}  // namespace dydit::compare
