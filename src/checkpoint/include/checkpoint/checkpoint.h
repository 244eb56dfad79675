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
  Tensors tensors;    ///< official names, without a prefix
  Metadata metadata;  ///< of a safetensors file; empty for .pt
  std::string which;  ///< "ema", "model" or "bare": what was taken
};

/// Opens by content, not by name: safetensors, or a .pt in the zip form. A .pt holds a bare state dict
/// or {model, ema, opt, args}; a safetensors file may hold training state under "model.", "ema.", "opt."
/// prefixes (as our own training writes), or bare names. Throws InputError when the file is malformed or
/// does not hold the weights asked for.
Checkpoint open_checkpoint(const std::filesystem::path& path, Weights weights = Weights::automatic);

}  // namespace dydit::checkpoint
