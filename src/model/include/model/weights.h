// SPDX-License-Identifier: Apache-2.0
// Between checkpoints on disk and LibTorch modules.
#pragma once

#include <filesystem>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "model/dit.h"

namespace dydit::model {

/// A LibTorch tensor over the same bytes (kept alive by it).
torch::Tensor to_torch(const checkpoint::Tensor& tensor);
/// The bytes of a contiguous CPU tensor (kept alive); other tensors are copied first.
checkpoint::Tensor from_torch(const torch::Tensor& tensor);

/// Copies `tensors` into the parameters of the same name, converting the type. Throws InputError naming
/// every missing, unexpected and wrongly shaped key, or the first tensor with a value that is not finite in the
/// parameter's type (`where` names the file).
void load_parameters(torch::nn::Module& module, const checkpoint::Tensors& tensors, const std::string& where);

/// All parameters by name, with `prefix` before it; on the CPU.
checkpoint::Tensors parameters_of(const torch::nn::Module& module, const std::string& prefix = "");

/// A checkpoint in any supported form, under the official names.
checkpoint::Checkpoint open_official(const std::filesystem::path& path, checkpoint::Weights weights);

/// The configuration of a checkpoint opened by `open_official`: see configuration.h. Errors name the file as `where`,
/// and which weights were taken of several.
Configuration configuration_of(const checkpoint::Checkpoint& opened, const std::string& where,
                               std::optional<std::int64_t> num_heads);

/// A DiT with the weights of a checkpoint opened by `open_official`, in eval mode on `device` as `dtype`; `where` names
/// the file in errors. Throws InputError for weights that do not fit or are not finite, also where `dtype` alone makes them
/// so.
DiT load_dit(const checkpoint::Checkpoint& opened, const std::string& where,
             std::optional<std::int64_t> num_heads = std::nullopt, torch::Device device = torch::kCPU,
             torch::Dtype dtype = torch::kFloat32);
/// The same for a checkpoint that is not yet open.
DiT load_dit(const std::filesystem::path& path, checkpoint::Weights weights = checkpoint::Weights::automatic,
             std::optional<std::int64_t> num_heads = std::nullopt, torch::Device device = torch::kCPU,
             torch::Dtype dtype = torch::kFloat32);

/// Writes model weights alone, as `dtype`, with the configuration in the metadata beside `metadata`. Throws RunError
/// where a weight is not finite as `dtype`.
void save_dit(const std::filesystem::path& path, const DiT& dit, torch::Dtype dtype, checkpoint::Metadata metadata = {});

}  // namespace dydit::model
