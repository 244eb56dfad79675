// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "record/run_directory.h"

namespace fs = std::filesystem;

namespace dydit::record {

fs::path tensor_file(const fs::path& run, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.front() == '.')
    throw InputError("bad name of a tensor file", name, "see safe_name");
  return run / "tensors" / (name + ".safetensors");
}

Json read_manifest(const fs::path& run) {
  const fs::path path = run / "manifest.json";
  if (!fs::exists(path)) throw InputError("holds no run", run.string(), "name a folder with a manifest.json");
  auto manifest = parse_json<Json>(read_file(path));
  if (!manifest || !manifest->is_object()) throw InputError("not a manifest", path.string(), json_limits);
  if (manifest->value("schema", Json()) != schema_version)
    throw InputError("unknown schema", path.string(), "read it with the version of dydit that wrote it");
  return std::move(*manifest);
}

void Results::add(Record record) {
  const auto [entry, is_new] = position_.try_emplace(record.cell, records_.size());
  if (is_new)
    records_.push_back(std::move(record));
  else
    records_[entry->second] = std::move(record);
}

const Record* Results::find(const std::string& cell) const {
  const auto entry = position_.find(cell);
  return entry == position_.end() ? nullptr : &records_[entry->second];
}

Results read_results(const fs::path& path) {
  Results results;
  if (!fs::exists(path)) return results;
  const std::string text = read_file(path);
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto length = rest.find('\n');
    const std::string_view line = rest.substr(0, length);
    rest.remove_prefix(length == std::string_view::npos ? rest.size() : length + 1);
    // No proper beginning of an object is JSON itself, so a last line that parses is whole.
    if (rest.empty() && !Json::accept(line)) break;
    try {
      results.add(from_line(line));
    } catch (const InputError& error) {
      throw InputError(error.what(), path.string() + ", line " + std::to_string(number));
    }
    results.whole_bytes = text.size() - rest.size();
    results.ends_with_newline = length != std::string_view::npos;
  }
  return results;
}

checkpoint::Tensors Run::tensors(const std::string& name) const {
  return checkpoint::read_safetensors(tensor_file(path, name)).tensors;
}

Run read_run(const fs::path& path) {
  Json manifest = read_manifest(path);
  return {path, std::move(manifest), read_results(path / "results.jsonl").records()};
}

using Leaves = std::vector<std::pair<std::string, std::string>>;  // by path, in their order

static void add_leaves(const Json& json, const Json::json_pointer& path, Leaves& leaves) {
  if (!json.is_structured() || json.empty()) {
    leaves.emplace_back(path.to_string(), json.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  for (const auto& [key, value] : json.items()) add_leaves(value, path / key, leaves);
}

std::vector<std::string> differences(const Json& old_value, const Json& new_value) {
  Leaves before, after;
  add_leaves(old_value, Json::json_pointer(), before);
  add_leaves(new_value, Json::json_pointer(), after);
  const std::map<std::string, std::string> old_texts(before.begin(), before.end()),
      new_texts(after.begin(), after.end());
  const auto text = [](const auto& texts, const std::string& path) {
    const auto found = texts.find(path);
    return found == texts.end() ? std::string("nothing") : found->second;
  };
  std::vector<std::string> found;
  for (const Leaves* side : {&before, &after})
    for (const auto& [path, ignored] : *side) {
      const std::string was = text(old_texts, path), is = text(new_texts, path);
      const bool seen = side == &after && old_texts.contains(path);
      if (!seen && was != is) found.push_back(path + ": " + is + " where the run has " + was);
    }
  return found;
}

}  // namespace dydit::record
