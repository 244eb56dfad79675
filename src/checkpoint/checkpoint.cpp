// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "byte_reader.h"
#include "diffusers_folder.h"
#include "safetensors_reader.h"
#include "sections.h"
#include "torch_file.h"

namespace dydit::checkpoint {

namespace {

Checkpoint open_torch(std::shared_ptr<const MappedFile> file, TorchForm form, Weights weights) {
  const TorchFile torch(std::move(file), std::move(form));
  const Sections sections = torch.sections();
  const Section section = sections.choose(weights);
  return {
      .tensors = torch.tensors(section), .metadata = {}, .weights = sections.describe(section), .config = {}};
}

Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file, Weights weights) {
  const std::string where = file->path().string();
  const SafetensorsReader reader(std::move(file));
  const auto is_one = [](std::int64_t size) { return size == 1; };
  Sections sections(where);
  for (const auto& [name, entry] : reader.header().entries)
    sections.add(nullptr, "", name, std::ranges::all_of(*entry.shape, is_one));
  const Section section = sections.choose(weights);
  Checkpoint chosen{.tensors = {},
                    .metadata = reader.header().metadata,
                    .weights = sections.describe(section),
                    .config = {}};
  for (const auto& [name, entry] : reader.header().entries)
    if (prefix_of(name) == section.prefix)
      chosen.tensors.emplace(name.substr(section.prefix.size()), reader.tensor(entry));
  return chosen;
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code unknown;  // what cannot be looked at is no folder, and opening it as a file tells why
  return std::filesystem::is_directory(path, unknown);
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Checkpoint open_file(const std::filesystem::path& path, Weights weights) {
  constexpr std::size_t length_field = 8;  // before safetensors' header
  auto file = std::make_shared<const MappedFile>(path);
  const std::string_view text = text_of(*file);
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

/// The shards together hold the tensors of the index, each in the file that it names.
Checkpoint open_folder(const std::filesystem::path& path, Weights weights) {
  constexpr std::size_t largest_config = 64 << 10;
  const DiffusersFolder folder(path);
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

Checkpoint open_checkpoint(const std::filesystem::path& path, Weights weights) {
  return is_folder(path) ? open_folder(path, weights) : open_file(path, weights);
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!is_folder(path)) return {path};
  const DiffusersFolder folder(path);
  std::vector<std::filesystem::path> files = folder.weights;
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
