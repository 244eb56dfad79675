// SPDX-License-Identifier: Apache-2.0
// A checkpoint in any supported form, opened as one set of model weights.
#pragma once

#include <filesystem>

#include "checkpoint/tensor.h"

namespace dydit::checkpoint {

enum class Weights { automatic, ema, model };  ///< automatic: ema where it is there

/// "automatic", "ema" or "model". Throws UsageError.
Weights weights_named(const std::string& name);

struct Checkpoint {
  Tensors tensors;      ///< without a prefix; by the official names, but for a folder
  Metadata metadata;    ///< of a safetensors file; empty for others
  std::string weights;  ///< for people and records: which were taken, what else there is and what was not understood:
                        ///< "ema (ema_state_dict), prefix module. removed; also there: model (state_dict)"
  std::string config;   ///< of a folder: the text of its config.json; the names are then those of diffusers
};

/// Opens by content, not by name:
/// - a .pt of either form (a zip, or from before PyTorch 1.6) with a state dict;
/// - a safetensors file;
/// - a folder as diffusers writes it: config.json and diffusion_pytorch_model.{safetensors,bin}, whole or in
///   shards with an index; or the folder of a pipeline, whose transformer/ is one.
/// The weights may be bare, or beside others and an optimizer under the usual names: model, state_dict,
/// model_state_dict, module; ema, ema_state_dict, model_ema, state_dict_ema, ema_model (with an
/// online_model). These are keys of dicts, nested in any order up to four deep, or prefixes of the tensors'
/// names, where `_orig_mod` may be too, and are removed from them. Entries under other names are told in
/// `weights`, never taken. Files are mapped, and nothing but the weights asked for is read. Throws InputError
/// when something is malformed, or does not hold the weights asked for, or holds them twice or under mixed
/// names.
Checkpoint open_checkpoint(const std::filesystem::path& path, Weights weights = Weights::automatic);

/// The files that make up a checkpoint: itself, or a folder's. Throws InputError as `open_checkpoint` does.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& path);

}  // namespace dydit::checkpoint
