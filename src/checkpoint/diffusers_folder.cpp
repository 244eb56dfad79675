// SPDX-License-Identifier: Apache-2.0
#include "diffusers_folder.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "byte_reader.h"

namespace dydit::checkpoint {

namespace {

namespace fs = std::filesystem;

constexpr const char* config_name = "config.json";

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

/// {"metadata": ..., "weight_map": {"tensor": "file", ...}}
std::map<std::string, std::string> parse_index(const fs::path& path) {
  constexpr std::size_t largest = 4 << 20;
  const auto bad = [&](const std::string& what) { refuse("index of shards " + what, path.string()); };
  const auto json = parse_json<nlohmann::json>(read_small(path, largest), 2);
  if (!json) bad("is not JSON, or nests too deep");
  const auto map = json->is_object() ? json->find("weight_map") : json->end();
  if (!json->is_object() || map == json->end() || !map->is_object()) bad("has no weight_map");
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) bad("names no file for " + printable(tensor));
    const auto name = file.get<std::string>();
    // A plain name: the shards lie beside the index.
    if (name.empty() || name.starts_with('.') ||
        name.find_first_of(std::string_view("/\\\0", 3)) != name.npos)
      bad("names " + printable(name) + ", which is no file of the folder");
    shards.emplace(tensor, name);
  }
  if (shards.empty()) bad("names no tensor");
  return shards;
}

}  // namespace

DiffusersFolder::DiffusersFolder(const fs::path& path) {
  const fs::path part = path / "transformer";
  const fs::path folder = !is_there(path / config_name) && is_there(part) ? part : path;
  config = folder / config_name;
  if (!is_there(config))
    refuse("folder without " + std::string(config_name), folder.string(),
           "name a checkpoint file, or a folder that diffusers wrote");
  for (const char* ending : {"safetensors", "bin"}) {
    const fs::path whole = folder / (std::string("diffusion_pytorch_model.") + ending);
    if (is_there(whole)) {
      weights = {whole};
      return;
    }
    const fs::path beside = whole.string() + ".index.json";
    if (!is_there(beside)) continue;
    index = beside;
    shards = parse_index(index);
    std::set<std::string> names;
    for (const auto& [tensor, file] : shards) names.insert(file);
    for (const std::string& name : names) weights.push_back(folder / name);
    return;
  }
  refuse("folder without weights", folder.string(),
         "it should hold diffusion_pytorch_model.safetensors or .bin, or the index of their shards");
}

std::string read_small(const fs::path& path, std::size_t most) {
  const MappedFile file(path);
  const std::size_t size = file.bytes().size();
  if (size == 0 || size > most) refuse("file is empty, or far larger than it should be", path.string());
  return {reinterpret_cast<const char*>(file.bytes().data()), size};
}

}  // namespace dydit::checkpoint
