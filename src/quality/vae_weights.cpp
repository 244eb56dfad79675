// SPDX-License-Identifier: Apache-2.0
// From a checkpoint of diffusers to an autoencoder.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "model/device.h"
#include "model/tensors.h"
#include "vae_layers.h"

namespace dydit::quality {

namespace {

using checkpoint::Tensors;
using Config = nlohmann::json;
namespace fs = std::filesystem;

[[noreturn]] void refuse_vae(const std::string& where, const std::string& reason) {
  throw InputError("not an autoencoder of diffusers", where, reason);
}

// The text of a config.json in the folder, or beside the file; nothing where there is none.
std::optional<std::string> config_text(const checkpoint::Checkpoint& opened, const fs::path& path) {
  if (!opened.config.empty()) return opened.config;
  const fs::path beside = path.parent_path() / "config.json";
  std::error_code unknown;
  return !fs::is_directory(path, unknown) && fs::exists(beside, unknown)
             ? std::optional(std::string(MappedFile(beside).text()))
             : std::nullopt;
}

// What the tensors do not tell, and what would make other numbers of them.
void read_config(const std::string& text, const std::string& where, VaeConfiguration& c) {
  const auto parsed = parse_json<Config>(text);
  if (!parsed || !parsed->is_object()) refuse_vae(where, "its config.json is not a JSON object");
  const auto given = [&](const char* key) {
    const auto found = parsed->find(key);
    return found == parsed->end() ? Config() : *found;
  };
  const auto require = [&](const char* key, const char* value) {
    const Config found = given(key);
    const Config list = found.is_array() ? found : Config::array({found});
    for (const Config& one : list)
      if (!one.is_null() && one != value) refuse_vae(where, fmt::format("config.json: {} must be {}", key, value));
  };
  require("_class_name", "AutoencoderKL");
  require("act_fn", "silu");
  require("down_block_types", "DownEncoderBlock2D");
  require("up_block_types", "UpDecoderBlock2D");
  for (const char* key : {"shift_factor", "latents_mean", "latents_std"})
    if (!given(key).is_null()) refuse_vae(where, fmt::format("config.json: {} is not supported", key));
  if (const Config groups = given("norm_num_groups"); !groups.is_null()) {
    if (!groups.is_number_integer() || groups < 1 || groups > 1'000'000)
      refuse_vae(where, "config.json: norm_num_groups must be a whole number from 1");
    groups.get_to(c.groups);
  }
  if (const Config factor = given("scaling_factor"); !factor.is_null()) {
    if (!factor.is_number() || !(factor.get<double>() > 0) || !std::isfinite(factor.get<double>()))
      refuse_vae(where, "config.json: scaling_factor must be a number above 0");
    factor.get_to(c.scaling_factor);
  }
}

// Output channels of a convolution; nothing where there is none of that name.
std::optional<std::int64_t> width_of(const Tensors& tensors, const std::string& name, const std::string& where) {
  const auto found = tensors.find(name + ".weight");
  if (found == tensors.end()) return std::nullopt;
  const auto& shape = found->second.shape;
  if (shape.size() != 4 || shape[0] < 1)
    refuse_vae(where, fmt::format("{}.weight is {}", name, checkpoint::to_string(shape)));
  return shape[0];
}

// Names and shapes say how many blocks, layers and channels there are.
void read_shapes(const Tensors& tensors, const std::string& where, VaeConfiguration& c) {
  const auto layer = [&](std::size_t block, std::int64_t number) {
    return width_of(tensors, fmt::format("encoder.down_blocks.{}.resnets.{}.conv1", block, number), where);
  };
  constexpr std::size_t most_blocks = 12;  // a pixel of a latent for 2048 along a side
  while (const auto width = layer(c.widths.size(), 0)) {
    if (c.widths.size() == most_blocks) refuse_vae(where, fmt::format("it has more than {} blocks", most_blocks));
    c.widths.push_back(*width);
  }
  if (c.widths.empty()) refuse_vae(where, "it has no tensor encoder.down_blocks.0.resnets.0.conv1.weight");
  for (c.layers = 1; layer(0, c.layers);) ++c.layers;
  const auto channels = width_of(tensors, "post_quant_conv", where);
  if (!channels) refuse_vae(where, "it has no tensor post_quant_conv.weight");
  c.latent_channels = *channels;
  c.tile = std::max(c.tile, 4 * c.factor());
}

// Shapes can claim any size: refused before memory is taken for far more than the file holds.
void require_held(const VaeConfiguration& c, const Tensors& tensors, const std::string& where) {
  double held = 0, claimed = std::pow(static_cast<double>(c.latent_channels), 2);
  for (const auto& [name, tensor] : tensors) held += static_cast<double>(tensor.elements());
  for (const std::int64_t width : c.widths)
    claimed += 9 * static_cast<double>(2 * c.layers - 1) * std::pow(static_cast<double>(width), 2);
  if (claimed > held)
    throw InputError("the weights do not fit the model", where,
                     "their shapes claim far more parameters than the file holds");
}

// The attention's names before diffusers 0.17, and its weights as windows of 1x1.
void rename_attention(Tensors& tensors) {
  constexpr std::array<std::pair<const char*, const char*>, 4> names{
      {{"query", "to_q"}, {"key", "to_k"}, {"value", "to_v"}, {"proj_attn", "to_out.0"}}};
  for (const char* half : {"encoder", "decoder"})
    for (const auto& [before, now] : names)
      for (const char* part : {".weight", ".bias"}) {
        const std::string attention = std::string(half) + ".mid_block.attentions.0.", name = attention + now + part;
        if (!tensors.contains(name))
          if (auto found = tensors.extract(attention + before + part)) {
            found.key() = name;
            tensors.insert(std::move(found));
          }
        if (const auto found = tensors.find(name); found != tensors.end()) {
          auto& shape = found->second.shape;
          if (shape.size() == 4 && shape[2] == 1 && shape[3] == 1) shape.resize(2);
        }
      }
}

// The folder of a pipeline stands for its vae/.
fs::path vae_path(const fs::path& path) {
  std::error_code unknown;
  const bool pipeline = !fs::exists(path / "config.json", unknown) && fs::is_directory(path / "vae", unknown);
  return pipeline ? path / "vae" : path;
}

}  // namespace

Vae load_vae(const fs::path& given, torch::Device device, torch::Dtype dtype) {
  const fs::path path = vae_path(given);
  const std::string where = path.string();
  checkpoint::Checkpoint opened = checkpoint::open_checkpoint(path);
  rename_attention(opened.tensors);
  VaeConfiguration configuration;
  read_shapes(opened.tensors, where, configuration);
  if (const auto text = config_text(opened, path)) read_config(*text, where, configuration);
  require_held(configuration, opened.tensors, where);
  Vae vae(configuration);
  model::load_parameters(*vae, opened.tensors, where);
  vae->to(device, dtype);
  vae->eval();
  if (dtype != torch::kFloat32)
    model::require_finite_parameters(*vae, "the weights are not finite as " + model::dtype_name(dtype), where);
  return vae;
}

std::string hash_of_vae(const fs::path& path, const VaeConfiguration& configuration) {
  std::string all = fmt::format("{} {}", configuration.groups, configuration.scaling_factor);
  for (const fs::path& file : checkpoint::files_of(vae_path(path))) all.append(" ").append(hash_of_file(file));
  return hash_of(all);
}

}  // namespace dydit::quality
