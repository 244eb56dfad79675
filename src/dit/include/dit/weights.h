// SPDX-License-Identifier: Apache-2.0
// Between checkpoints on disk and DiTs.
#pragma once

#include <filesystem>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "dit/dit.h"
#include "model/tensors.h"

namespace dydit::dit {

/// The same checkpoint under the official names; `where` names the file in errors.
checkpoint::Checkpoint official(checkpoint::Checkpoint opened, const std::string& where);
/// A checkpoint in any supported form, under the official names.
checkpoint::Checkpoint open_official(const std::filesystem::path& path, checkpoint::Weights weights);

/// The configuration of a checkpoint opened by `open_official`: see configuration.h. Errors name the file as `where`,
/// and which weights were taken of several.
Configuration configuration_of(const checkpoint::Checkpoint& opened, const std::string& where,
                               std::optional<std::int64_t> num_heads);

/// A DiT with the weights of a checkpoint opened by `open_official`, in eval mode on `device` as `dtype`; `where` names
/// the file in errors. Throws InputError for weights that do not fit or are not finite, also where `dtype` alone makes
/// them so.
DiT load_dit(const checkpoint::Checkpoint& opened, const std::string& where,
             std::optional<std::int64_t> num_heads = std::nullopt, torch::Device device = torch::kCPU,
             torch::Dtype dtype = torch::kFloat32);
/// The same for a checkpoint that is not yet open.
DiT load_dit(const std::filesystem::path& path, checkpoint::Weights weights = checkpoint::Weights::automatic,
             std::optional<std::int64_t> num_heads = std::nullopt, torch::Device device = torch::kCPU,
             torch::Dtype dtype = torch::kFloat32);

/// Writes model weights alone, as `dtype`, with the configuration in the metadata beside `metadata`. Throws RunError
/// where a weight is not finite as `dtype`.
void save_dit(const std::filesystem::path& path, const DiT& dit, torch::Dtype dtype,
              checkpoint::Metadata metadata = {});

}  // namespace dydit::dit
