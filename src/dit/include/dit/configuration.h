// SPDX-License-Identifier: Apache-2.0
// What fixes a DiT's shape: the twelve published configurations by name, any other by its dimensions; with or
// without the routers of DyDiT.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"
#include "checkpoint/tensor.h"
#include "model/architecture.h"

namespace dydit::dit {

struct Configuration {
  std::string name;              ///< "DiT-XL/2", "DyDiT-XL/2", or "" for one given by its dimensions
  std::int64_t input_size = 32;  ///< side of the (square) latent or image
  std::int64_t patch_size = 2;
  std::int64_t in_channels = 4;
  std::int64_t hidden_size = 0;  ///< D
  std::int64_t depth = 0;
  std::int64_t num_heads = 0;  ///< H
  double mlp_ratio = 4;
  std::int64_t num_classes = 1000;
  bool learn_sigma = true;  ///< the output carries the variance beside epsilon
  bool dynamic = false;     ///< has routers over heads, channel groups and tokens (DyDiT)
  /// Head 0 and channel group 0 of every block. False in the older dialect of DyDiT, whose routers can switch off
  /// every head and every group of a block.
  bool first_unit_always_on = true;

  std::int64_t grid() const { return input_size / patch_size; }
  std::int64_t tokens() const { return grid() * grid(); }  ///< T
  std::int64_t mlp_hidden() const;
  std::int64_t head_size() const { return hidden_size / num_heads; }
  std::int64_t group_size() const { return mlp_hidden() / num_heads; }  ///< channels of a group, of which there are H
  std::int64_t routed_units() const { return first_unit_always_on ? num_heads - 1 : num_heads; }  ///< of a width router
  std::int64_t token_router_width() const { return hidden_size / 16; }
  std::int64_t out_channels() const { return learn_sigma ? 2 * in_channels : in_channels; }

  bool operator==(const Configuration&) const = default;
};

/// The names of the published family: "DiT-S/2" ... "DiT-XL/8"; other prefixes are SiT, DyDiT and DySiT.
std::vector<std::string> published_names(const std::string& prefix = "DiT");

/// A published configuration: "DiT-S/2", "SiT-S/2" of flow matching, with routers "DyDiT-S/2", "DySiT-S/2". Throws
/// UsageError naming the known ones.
Configuration published(const std::string& name);

/// Throws UsageError unless every dimension is positive and divides where it has to.
void validate(const Configuration& configuration);

/// The same model with the routers of DyDiT.
Configuration with_routers(Configuration configuration);

/// The unit axes of a dynamic configuration: its masks are in this order.
namespace axis {
enum : std::size_t { heads, channels, tokens };
}

/// What it is to everything outside this folder. Its parts: "patch", "conditioning" (time MLP, label), "adaln",
/// "elementwise" (residuals and norms, one pass between two products, and no MACs), "attention.qkv",
/// "attention.products", "attention.projection", "routers" (of a dynamic configuration), "mlp.fc1", "mlp.fc2", "final".
/// Where no head or no group is on, a bias alone is read; rows of tokens that are off are neither read nor written by
/// the MLP, nor its weights where no token is on.
model::Architecture architecture_of(const Configuration& configuration);

const Schema<Configuration>& configuration_schema();
Json to_json(const Configuration& configuration);
/// Starts from `name` where there is one; unknown keys are refused. Throws UsageError.
Configuration from_json(const Json& json);

/// The key under which a safetensors file's metadata carries the configuration.
inline constexpr const char* configuration_key = "dydit.configuration";

/// The configuration of a checkpoint: from the metadata, which win, else read off the tensors' shapes.
/// Heads H: `num_heads`, else by the family's table of widths, else by the width routers, which have H - 1 rows, or H
/// in the older dialect. Throws InputError when the tensors are no DiT or their routers disagree, UsageError when H
/// cannot be known or the routers have neither number of rows; both name `where`, the file.
Configuration configuration_of(const checkpoint::Tensors& tensors, const checkpoint::Metadata& metadata,
                               const std::string& where, std::optional<std::int64_t> num_heads = std::nullopt);

}  // namespace dydit::dit
