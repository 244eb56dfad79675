// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "byte_reader.h"
#include "diffusers_folder.h"
#include "safetensors_reader.h"
#include "torch_file.h"

namespace dydit::checkpoint {

namespace {

/// Which of the weights in the file to take. Throws InputError when those asked for are not there.
std::string choose(Weights asked, bool has_ema, bool has_model, const std::string& where) {
  if (asked == Weights::ema && !has_ema)
    refuse("checkpoint holds no EMA weights", where, "ask for the model's weights");
  if (asked == Weights::model && has_ema && !has_model)
    refuse("checkpoint holds EMA weights alone", where, "ask for the EMA weights");
  if (has_ema && asked != Weights::model) return "ema";
  return has_model ? "model" : "bare";
}

Checkpoint open_torch(std::shared_ptr<const MappedFile> file, TorchForm form, Weights weights) {
  const std::string where = file->path().string();
  const TorchFile torch(std::move(file), std::move(form));
  const Node *const ema = torch.section("ema"), *const model = torch.section("model");
  const std::string which = choose(weights, ema != nullptr, model != nullptr, where);
  const Node& state_dict = which == "ema" ? *ema : which == "model" ? *model : torch.root();
  return {.tensors = torch.tensors(state_dict), .metadata = {}, .which = which, .config = {}};
}

Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file, Weights weights) {
  const std::string where = file->path().string();
  const SafetensorsReader reader(std::move(file));
  bool has_ema = false, has_model = false, has_bare = false;
  for (const auto& [name, entry] : reader.header().entries) {
    const bool ema = name.starts_with("ema."), model = name.starts_with("model.");
    has_ema = has_ema || ema;
    has_model = has_model || model;
    has_bare = has_bare || !(ema || model || name.starts_with("opt."));
  }
  const std::string which = choose(weights, has_ema && !has_bare, has_model && !has_bare, where);
  const std::string prefix = which == "bare" ? "" : which + ".";
  Checkpoint chosen{.tensors = {}, .metadata = reader.header().metadata, .which = which, .config = {}};
  for (const auto& [name, entry] : reader.header().entries)
    if (name.starts_with(prefix)) chosen.tensors.emplace(name.substr(prefix.size()), reader.tensor(entry));
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
    whole.which = shard.which;
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
