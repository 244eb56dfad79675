// SPDX-License-Identifier: Apache-2.0
#include "dit/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "dit/diffusers.h"
#include "model/device.h"
#include "model/finite.h"

namespace dydit::dit {

namespace {

using checkpoint::DType;
using torch::Tensor;

// A configuration in the metadata can claim any size: refused before memory is taken for more than
// twice what the file holds.
void require_plausible(const Configuration& c, const checkpoint::Tensors& tensors, const std::string& where) {
  double held = 0;
  for (const auto& [name, tensor] : tensors) held += static_cast<double>(tensor.elements());
  const auto d = static_cast<double>(c.hidden_size), hidden = d * c.mlp_ratio;
  const double block = 10 * d * d + 2 * d * hidden;
  const double ends = static_cast<double>(c.num_classes + c.tokens() +
                                          c.patch_size * c.patch_size * (c.in_channels + c.out_channels())) *
                      d;
  if (static_cast<double>(c.depth) * block + ends > 2 * held)
    throw InputError("the weights do not fit the model", where,
                     "its configuration claims far more parameters than the file holds");
}

// The file, and unless it is bare which of its weights were taken: those that do not fit may be the wrong
// ones.
std::string named(const std::string& where, const checkpoint::Checkpoint& opened) {
  return opened.weights == "model (bare)" ? where : fmt::format("{} [{}]", where, opened.weights);
}

}  // namespace

checkpoint::Checkpoint official(checkpoint::Checkpoint opened, const std::string& where) {
  return opened.config.empty() ? opened : from_diffusers(std::move(opened), where);
}

checkpoint::Checkpoint open_official(const std::filesystem::path& path, checkpoint::Weights weights) {
  return official(checkpoint::open_checkpoint(path, weights), path.string());
}

Configuration configuration_of(const checkpoint::Checkpoint& opened, const std::string& where,
                               std::optional<std::int64_t> num_heads) {
  return configuration_of(opened.tensors, opened.metadata, named(where, opened), num_heads);
}

DiT load_dit(const checkpoint::Checkpoint& opened, const std::string& where, std::optional<std::int64_t> num_heads,
             torch::Device device, torch::Dtype dtype) {
  const Configuration configuration = configuration_of(opened, where, num_heads);
  require_plausible(configuration, opened.tensors, named(where, opened));
  DiT dit(configuration);
  model::load_parameters(*dit, opened.tensors, named(where, opened));
  dit->to(device, dtype);
  dit->eval();
  if (dtype != torch::kFloat32)
    model::require_finite_parameters(*dit, "the weights are not finite as " + model::dtype_name(dtype),
                                     named(where, opened));
  return dit;
}

DiT load_dit(const std::filesystem::path& path, checkpoint::Weights weights, std::optional<std::int64_t> num_heads,
             torch::Device device, torch::Dtype dtype) {
  return load_dit(open_official(path, weights), path.string(), num_heads, device, dtype);
}

void save_dit(const std::filesystem::path& path, const DiT& dit, torch::Dtype dtype, checkpoint::Metadata metadata) {
  checkpoint::Tensors tensors;
  for (const auto& item : dit->named_parameters()) {
    const Tensor value = item.value().to(dtype);
    if (!model::not_finite({value}).empty())
      throw RunError("a weight is not finite as " + model::dtype_name(dtype), path.string(), item.key());
    tensors[item.key()] = model::from_torch(value);
  }
  metadata[configuration_key] = to_json(dit->configuration).dump();
  checkpoint::write_safetensors(path, tensors, metadata);
}

}  // namespace dydit::dit
