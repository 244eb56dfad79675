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
  Tensors tensors;     ///< without a prefix; by the official names, but for a folder
  Metadata metadata;   ///< of a safetensors file; empty for others
  std::string which;   ///< "ema", "model" or "bare": what was taken
  std::string config;  ///< of a folder: the text of its config.json; the names are then those of diffusers
};

/// Opens by content, not by name:
/// - a .pt of either form (a zip, or from before PyTorch 1.6) with a bare state dict or {model, ema, opt, args};
/// - a safetensors file with bare names, or training state under "model.", "ema.", "opt." prefixes (as our own
///   training writes);
/// - a folder as diffusers writes it: config.json and diffusion_pytorch_model.{safetensors,bin}, whole or in
///   shards with an index; or the folder of a pipeline, whose transformer/ is one.
/// Files are mapped, and nothing but the weights asked for is read. Throws InputError when something is
/// malformed or does not hold the weights asked for.
Checkpoint open_checkpoint(const std::filesystem::path& path, Weights weights = Weights::automatic);

/// The files that make up a checkpoint: itself, or a folder's. Throws InputError as `open_checkpoint` does.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& path);

}  // namespace dydit::checkpoint
