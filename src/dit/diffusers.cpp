// SPDX-License-Identifier: Apache-2.0
#include "dit/diffusers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "dit/layers.h"
#include "dit/weights.h"

namespace dydit::dit {

namespace {

using checkpoint::Tensors;

struct Name {
  const char *diffusers, *official;
};
constexpr std::array<Name, 3> ends{{{"pos_embed.proj", "x_embedder.proj"},
                                    {"proj_out_1", "final_layer.adaLN_modulation.1"},
                                    {"proj_out_2", "final_layer.linear"}}};
constexpr std::array<Name, 2> time_layers{
    {{"timestep_embedder.linear_1", "t_embedder.mlp.0"}, {"timestep_embedder.linear_2", "t_embedder.mlp.2"}}};
constexpr Name label_table{"class_embedder.embedding_table.weight", "y_embedder.embedding_table.weight"};
constexpr std::array<Name, 4> block_layers{{{"norm1.linear", "adaLN_modulation.1"},
                                            {"attn1.to_out.0", "attn.proj"},
                                            {"ff.net.0.proj", "mlp.fc1"},
                                            {"ff.net.2", "mlp.fc2"}}};
constexpr std::array<const char*, 2> parts_of_layer{".weight", ".bias"};

[[noreturn]] void refuse(const std::string& where, const std::string& reason) {
  throw InputError("not a DiT of diffusers", where, reason);
}

Configuration read_config(const std::string& text, const std::string& where) {
  const auto parsed = parse_json<Json>(text);
  if (!parsed || !parsed->is_object()) refuse(where, "its config.json is not a JSON object");
  const Json& json = *parsed;
  const auto require = [&](const char* key, const std::vector<std::string>& known) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string() ||
        std::find(known.begin(), known.end(), found->get<std::string>()) == known.end())
      refuse(where, fmt::format("config.json: {} must be {}", key, fmt::join(known, " or ")));
  };
  require("_class_name", {"DiTTransformer2DModel", "Transformer2DModel"});
  require("norm_type", {"ada_norm_zero"});
  require("activation_fn", {"gelu-approximate"});
  const auto dimension = [&](const char* key) {
    constexpr std::int64_t most = 1'000'000;
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer() || *found < 1 || *found > most)
      refuse(where, fmt::format("config.json: {} must be a number from 1 to {}", key, most));
    return found->get<std::int64_t>();
  };
  Configuration c;
  c.input_size = dimension("sample_size");
  c.patch_size = dimension("patch_size");
  c.in_channels = dimension("in_channels");
  c.depth = dimension("num_layers");
  c.num_heads = dimension("num_attention_heads");
  c.hidden_size = c.num_heads * dimension("attention_head_dim");
  c.num_classes = dimension("num_embeds_ada_norm");
  const bool as_many = !json.contains("out_channels") || json["out_channels"].is_null();
  const std::int64_t out_channels = as_many ? c.in_channels : dimension("out_channels");
  c.learn_sigma = out_channels == 2 * c.in_channels;
  if (out_channels != c.out_channels())
    refuse(where, fmt::format("config.json: {} channels out of {} are neither epsilon alone nor with its variance",
                              out_channels, c.in_channels));
  validate(c);
  return c;
}

/// Moves tensors from one set of names to the other.
class Renaming {
 public:
  Renaming(Tensors tensors, const std::string& where) : left_(std::move(tensors)), where_(where) {}

  void layer(const std::string& from, const std::string& to) {
    for (const char* part : parts_of_layer) official_[to + part] = take(from + part);
  }

  /// The first copy counts, and every other must be the same.
  void copy(const std::string& from, const std::string& to) {
    const checkpoint::Tensor tensor = take(from);
    const checkpoint::Tensor& first = official_.try_emplace(to, tensor).first->second;
    if (tensor.type != first.type || tensor.shape != first.shape || !std::ranges::equal(tensor.bytes, first.bytes))
      refuse(where_, from + " differs from the copy in block 0, where the official DiT has one for all blocks");
  }

  /// Layers of equal shapes, one below the other.
  void join(const std::string& from, const std::array<const char*, 3>& layers, const std::string& to) {
    for (const char* part : parts_of_layer) {
      std::array<checkpoint::Tensor, 3> tensors;
      for (std::size_t i = 0; i < layers.size(); ++i) tensors[i] = take(from + layers[i] + part);
      official_[to + part] = joined(tensors, from + part);
    }
  }

  Tensors finish() {
    if (!left_.empty()) refuse(where_, "its config.json leaves no place for tensor " + left_.begin()->first);
    return std::move(official_);
  }

 private:
  checkpoint::Tensor take(const std::string& name) {
    const auto found = left_.extract(name);
    if (found.empty()) refuse(where_, "it has no tensor " + name);
    return std::move(found.mapped());
  }

  checkpoint::Tensor joined(const std::array<checkpoint::Tensor, 3>& tensors, const std::string& name) const {
    const checkpoint::Tensor& first = tensors.front();
    std::size_t size = 0;
    for (const checkpoint::Tensor& tensor : tensors) {
      if (tensor.type != first.type || tensor.shape != first.shape || tensor.shape.empty())
        refuse(where_, "the parts of " + name + " differ in type or shape");
      size += tensor.bytes.size();
    }
    const auto copy = std::make_shared_for_overwrite<std::byte[]>(size);
    auto* end = copy.get();
    for (const checkpoint::Tensor& tensor : tensors) end = std::ranges::copy(tensor.bytes, end).out;
    std::vector<std::int64_t> shape = first.shape;
    shape.front() *= static_cast<std::int64_t>(tensors.size());
    return {first.type, std::move(shape), {copy.get(), size}, copy};
  }

  Tensors left_, official_;
  const std::string& where_;
};

Tensors renamed(Tensors tensors, std::int64_t depth, const std::string& where) {
  Renaming renaming(std::move(tensors), where);
  for (const Name& name : ends) renaming.layer(name.diffusers, name.official);
  for (std::int64_t i = 0; i < depth; ++i) {
    const auto from = fmt::format("transformer_blocks.{}.", i), to = fmt::format("blocks.{}.", i);
    for (const Name& name : block_layers) renaming.layer(from + name.diffusers, to + name.official);
    renaming.join(from + "attn1.", {"to_q", "to_k", "to_v"}, to + "attn.qkv");
    const std::string embedder = from + "norm1.emb.";
    for (const Name& name : time_layers)
      for (const char* part : parts_of_layer)
        renaming.copy(embedder + name.diffusers + part, std::string(name.official) + part);
    renaming.copy(embedder + label_table.diffusers, label_table.official);
  }
  return renaming.finish();
}

/// Throws InputError for the first key in which config.json and the tensors' shapes differ.
void require_agreement(const Configuration& configured, const Configuration& shaped, const std::string& where) {
  const Json in_config = to_json(configured), in_shapes = to_json(shaped);
  for (const auto& [key, value] : in_config.items())
    if (value != in_shapes[key])
      refuse(where, fmt::format("config.json gives {} = {} where the tensors have {}", key, value.dump(),
                                in_shapes[key].dump()));
}

}  // namespace

checkpoint::Checkpoint from_diffusers(checkpoint::Checkpoint opened, const std::string& where) try {
  Configuration c = read_config(opened.config, where);
  std::int64_t held = 0;
  for (const auto& [name, tensor] : opened.tensors) held += tensor.elements();
  // The size of the latent is in no tensor: refused before memory is taken for its embedding.
  if (c.tokens() > held / c.hidden_size)
    refuse(where, "its config.json claims a far larger sample_size than the weights are for");
  opened.tensors = renamed(std::move(opened.tensors), c.depth, where);
  opened.tensors["pos_embed"] = model::from_torch(position_embedding(c.grid(), c.hidden_size));
  Configuration shaped = configuration_of(opened.tensors, {}, where, c.num_heads);
  shaped.input_size = c.input_size;  // in no tensor
  c.name = shaped.name;              // in no config.json, as the ratio
  c.mlp_ratio = shaped.mlp_ratio;
  require_agreement(c, shaped, where);
  opened.metadata = {{configuration_key, to_json(c).dump()}};
  opened.config.clear();
  return opened;
} catch (const UsageError& error) {  // what would be wrong usage on the command line is a bad input in a file
  refuse(where, error.what());
}

}  // namespace dydit::dit
