// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "byte_reader.h"
#include "checkpoint/safetensors.h"
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

Checkpoint open_torch(std::shared_ptr<const MappedFile> file, Weights weights) {
  const std::string where = file->path().string();
  const TorchFile torch(std::move(file));
  const Node *const ema = torch.section("ema"), *const model = torch.section("model");
  const std::string which = choose(weights, ema != nullptr, model != nullptr, where);
  const Node& state_dict = which == "ema" ? *ema : which == "model" ? *model : torch.root();
  return {torch.tensors(state_dict), {}, which};
}

Checkpoint open_safetensors(const std::filesystem::path& path, Weights weights) {
  auto [tensors, metadata] = read_safetensors(path);
  bool has_ema = false, has_model = false, has_bare = false;
  for (const auto& [name, tensor] : tensors) {
    has_ema = has_ema || name.starts_with("ema.");
    has_model = has_model || name.starts_with("model.");
    has_bare =
        has_bare || !(name.starts_with("ema.") || name.starts_with("model.") || name.starts_with("opt."));
  }
  const std::string which = choose(weights, has_ema && !has_bare, has_model && !has_bare, path.string());
  if (which == "bare") return {std::move(tensors), std::move(metadata), which};
  Tensors chosen;
  for (auto& [name, tensor] : tensors)
    if (name.starts_with(which + ".")) chosen.emplace(name.substr(which.size() + 1), std::move(tensor));
  return {std::move(chosen), std::move(metadata), which};
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path, Weights weights) {
  constexpr std::size_t length_field = 8;  // before safetensors' header
  constexpr std::string_view legacy_magic =
      "\x80\x02\x8a\x0a\x6c\xfc\x9c";  // the pickled number 0x1950a86a20f9469cfc6c
  auto file = std::make_shared<const MappedFile>(path);
  const std::string_view text = text_of(*file);
  const std::string where = path.string();
  Checkpoint checkpoint;
  if (text.substr(0, 2) == "PK")
    checkpoint = open_torch(std::move(file), weights);
  else if (text.size() > length_field && text[length_field] == '{')
    checkpoint = open_safetensors(path, weights);
  else if (text.starts_with(legacy_magic))
    refuse("the .pt format from before PyTorch 1.6 is not supported", where,
           "save it again with torch.save of a newer PyTorch");
  else
    refuse("neither safetensors nor a .pt file", where, "name a checkpoint, and copy it again if it is one");
  if (checkpoint.tensors.empty()) refuse("checkpoint holds no tensors", where);
  return checkpoint;
}

Weights weights_named(const std::string& name) {
  if (name == "automatic") return Weights::automatic;
  if (name == "ema") return Weights::ema;
  if (name == "model") return Weights::model;
  throw UsageError("no such weights", name, "known are automatic, ema and model");
}

}  // namespace dydit::checkpoint
