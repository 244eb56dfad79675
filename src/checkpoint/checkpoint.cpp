// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "byte_reader.h"
#include "forms.h"

namespace dydit::checkpoint {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

bool is_folder(const fs::path& path) {
  std::error_code unknown;  // what cannot be looked at is no folder, and opening it as a file tells why
  return fs::is_directory(path, unknown);
}

Checkpoint open_file(const fs::path& path, Weights weights) {
  constexpr std::size_t length_field = 8;  // before safetensors' header
  auto file = std::make_shared<const MappedFile>(path);
  const std::string_view text = file->text();
  const std::string where = path.string();
  Checkpoint checkpoint;
  // A header's length may begin as a zip does ("PK"), but no zip has a brace there.
  if (text.size() > length_field && text[length_field] == '{')
    checkpoint = open_safetensors(std::move(file), weights);
  else if (text.starts_with("PK"))
    checkpoint = open_torch(file, open_zip(file), weights);
  else if (is_legacy(text))
    checkpoint = open_torch(file, open_legacy(file), weights);
  else
    refuse("neither safetensors nor a .pt file", where, "name a checkpoint, and copy it again if it is one");
  if (checkpoint.tensors.empty()) refuse("checkpoint holds no tensors", where);
  return checkpoint;
}

/// A small text file. Throws InputError when it is empty or larger than `most` bytes.
std::string read_small(const fs::path& path, std::size_t most) {
  const MappedFile file(path);
  if (file.text().empty() || file.text().size() > most)
    refuse("file is empty, or far larger than it should be", path.string());
  return std::string(file.text());
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
    if (name.empty() || name.starts_with('.') || name.find_first_of(std::string_view("/\\\0", 3)) != name.npos)
      bad("names " + printable(name) + ", which is no file of the folder");
    shards.emplace(tensor, name);
  }
  if (shards.empty()) bad("names no tensor");
  return shards;
}

/// The files of the folder that diffusers' save_pretrained writes for one model.
struct DiffusersFolder {
  fs::path config;
  fs::path index;                             ///< empty when the weights are in one file
  std::vector<fs::path> weights;              ///< one file, or the shards by name
  std::map<std::string, std::string> shards;  ///< of the index: by tensor, the name of its file
};

/// Finds the files; reads the index of shards where there is one. A pipeline's folder stands for its
/// transformer/. Throws InputError when something is missing, or the index is malformed or leads elsewhere.
DiffusersFolder find_diffusers_files(const fs::path& path) {
  constexpr const char* config_name = "config.json";
  const fs::path part = path / "transformer";
  const fs::path folder = !is_there(path / config_name) && is_there(part) ? part : path;
  DiffusersFolder found{.config = folder / config_name, .index = {}, .weights = {}, .shards = {}};
  if (!is_there(found.config))
    refuse("folder without " + std::string(config_name), folder.string(),
           "name a checkpoint file, or a folder that diffusers wrote");
  for (const char* ending : {"safetensors", "bin"}) {
    const fs::path whole = folder / (std::string("diffusion_pytorch_model.") + ending);
    if (is_there(whole)) {
      found.weights = {whole};
      return found;
    }
    const fs::path beside = whole.string() + ".index.json";
    if (!is_there(beside)) continue;
    found.index = beside;
    found.shards = parse_index(beside);
    std::set<std::string> names;
    for (const auto& [tensor, file] : found.shards) names.insert(file);
    for (const std::string& name : names) found.weights.push_back(folder / name);
    return found;
  }
  refuse("folder without weights", folder.string(),
         "it should hold diffusion_pytorch_model.safetensors or .bin, or the index of their shards");
}

/// The shards together hold the tensors of the index, each in the file that it names.
Checkpoint open_folder(const fs::path& path, Weights weights) {
  constexpr std::size_t largest_config = 64 << 10;
  const DiffusersFolder folder = find_diffusers_files(path);
  Checkpoint whole;
  for (const auto& file : folder.weights) {
    Checkpoint shard = open_file(file, weights);
    for (auto& [name, tensor] : shard.tensors) {
      const auto listed = folder.shards.find(name);
      if (!folder.index.empty() && (listed == folder.shards.end() || listed->second != file.filename()))
        refuse("shard holds " + printable(name) + ", which the index does not place there", file.string());
      whole.tensors.emplace(name, std::move(tensor));
    }
    whole.weights = shard.weights;
  }
  for (const auto& [name, file] : folder.shards)
    if (!whole.tensors.contains(name))
      refuse("shard " + printable(file) + " lacks " + printable(name), folder.index.string());
  whole.config = read_small(folder.config, largest_config);
  return whole;
}

}  // namespace

Checkpoint open_checkpoint(const fs::path& path, Weights weights) {
  return is_folder(path) ? open_folder(path, weights) : open_file(path, weights);
}

std::vector<fs::path> files_of(const fs::path& path) {
  if (!is_folder(path)) return {path};
  const DiffusersFolder folder = find_diffusers_files(path);
  std::vector<fs::path> files = folder.weights;
  files.push_back(folder.config);
  if (!folder.index.empty()) files.push_back(folder.index);
  return files;
}

Weights weights_named(const std::string& name) {
  if (name == "automatic") return Weights::automatic;
  if (name == "ema") return Weights::ema;
  if (name == "model") return Weights::model;
  throw UsageError("no such weights", name, "known are automatic, ema and model");
}

}  // namespace dydit::checkpoint
