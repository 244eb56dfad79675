// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "model/device.h"
#include "model/diffusers.h"
#include "model/finite.h"

namespace dydit::model {

namespace {

using checkpoint::DType;
using torch::Tensor;

constexpr std::array<std::pair<DType, torch::Dtype>, 10> types{{{DType::f64, torch::kFloat64},
                                                                {DType::f32, torch::kFloat32},
                                                                {DType::f16, torch::kFloat16},
                                                                {DType::bf16, torch::kBFloat16},
                                                                {DType::i64, torch::kInt64},
                                                                {DType::i32, torch::kInt32},
                                                                {DType::i16, torch::kInt16},
                                                                {DType::i8, torch::kInt8},
                                                                {DType::u8, torch::kUInt8},
                                                                {DType::boolean, torch::kBool}}};

// Every name, up to a number at which a line stops being readable.
void describe(std::vector<std::string>& parts, const char* kind, const std::vector<std::string>& names) {
  if (names.empty()) return;
  constexpr std::size_t most = 200;
  const std::span<const std::string> shown(names.data(), std::min(names.size(), most));
  parts.push_back(fmt::format("{} {}: {}{}", names.size(), kind, fmt::join(shown, ", "),
                              names.size() > most ? ", ..." : ""));
}

// Names the first parameter that is not finite and counts the others: where a training diverged, that is most
// of them.
void require_finite(const torch::nn::Module& module, const std::string& what, const std::string& where) {
  const auto parameters = module.named_parameters();
  const auto found = not_finite(parameters.values());
  if (found.empty()) return;
  const std::string others = found.size() == 1 ? "" : fmt::format(", as {} more do", found.size() - 1);
  throw InputError(what, where, parameters[found.front()].key() + " holds NaN or infinity" + others);
}

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

Tensor to_torch(const checkpoint::Tensor& tensor) {
  for (const auto& [ours, theirs] : types)
    if (ours == tensor.type)
      return torch::from_blob(
          const_cast<std::byte*>(tensor.bytes.data()), tensor.shape, [owner = tensor.owner](void*) {},
          torch::TensorOptions().dtype(theirs));
  throw InputError("tensor type without an equivalent", checkpoint::name_of(tensor.type));
}

checkpoint::Tensor from_torch(const Tensor& tensor) {
  auto kept = std::make_shared<Tensor>(tensor.detach().cpu().contiguous());
  for (const auto& [ours, theirs] : types)
    if (theirs == kept->scalar_type())
      return {.type = ours,
              .shape = kept->sizes().vec(),
              .bytes = {static_cast<const std::byte*>(kept->data_ptr()), kept->nbytes()},
              .owner = kept};
  throw RunError("tensor type cannot be stored", torch::toString(kept->scalar_type()));
}

void load_parameters(torch::nn::Module& module, const checkpoint::Tensors& tensors,
                     const std::string& where) {
  torch::NoGradGuard no_grad;
  std::vector<std::string> missing, unexpected, wrong;
  const auto parameters = module.named_parameters();
  for (const auto& item : parameters) {
    const auto found = tensors.find(item.key());
    if (found == tensors.end())
      missing.push_back(item.key());
    else if (found->second.shape != item.value().sizes().vec())
      wrong.push_back(fmt::format("{} is {}, not {}", item.key(), checkpoint::to_string(found->second.shape),
                                  checkpoint::to_string(item.value().sizes().vec())));
  }
  for (const auto& [name, tensor] : tensors)
    if (!parameters.contains(name)) unexpected.push_back(name);
  std::vector<std::string> parts;
  describe(parts, "missing", missing);
  describe(parts, "unexpected", unexpected);
  describe(parts, "wrongly shaped", wrong);
  if (!parts.empty())
    throw InputError("the weights do not fit the model", where, fmt::format("{}", fmt::join(parts, "; ")));
  for (const auto& item : parameters) item.value().copy_(to_torch(tensors.at(item.key())));
  require_finite(module, "the weights are not finite as float32", where);
}

checkpoint::Tensors parameters_of(const torch::nn::Module& module, const std::string& prefix) {
  checkpoint::Tensors tensors;
  for (const auto& item : module.named_parameters()) tensors[prefix + item.key()] = from_torch(item.value());
  return tensors;
}

checkpoint::Checkpoint open_official(const std::filesystem::path& path, checkpoint::Weights weights) {
  auto opened = checkpoint::open_checkpoint(path, weights);
  return opened.config.empty() ? opened : from_diffusers(std::move(opened), path.string());
}

Configuration configuration_of(const checkpoint::Checkpoint& opened, const std::string& where,
                               std::optional<std::int64_t> num_heads) {
  return configuration_of(opened.tensors, opened.metadata, named(where, opened), num_heads);
}

DiT load_dit(const checkpoint::Checkpoint& opened, const std::string& where,
             std::optional<std::int64_t> num_heads, torch::Device device, torch::Dtype dtype) {
  const Configuration configuration = configuration_of(opened, where, num_heads);
  require_plausible(configuration, opened.tensors, named(where, opened));
  DiT dit(configuration);
  load_parameters(*dit, opened.tensors, named(where, opened));
  dit->to(device, dtype);
  dit->eval();
  if (dtype != torch::kFloat32)
    require_finite(*dit, "the weights are not finite as " + dtype_name(dtype), named(where, opened));
  return dit;
}

DiT load_dit(const std::filesystem::path& path, checkpoint::Weights weights,
             std::optional<std::int64_t> num_heads, torch::Device device, torch::Dtype dtype) {
  return load_dit(open_official(path, weights), path.string(), num_heads, device, dtype);
}

void save_dit(const std::filesystem::path& path, const DiT& dit, torch::Dtype dtype,
              checkpoint::Metadata metadata) {
  checkpoint::Tensors tensors;
  for (const auto& item : dit->named_parameters()) {
    const Tensor value = item.value().to(dtype);
    if (!not_finite({value}).empty())
      throw RunError("a weight is not finite as " + dtype_name(dtype), path.string(), item.key());
    tensors[item.key()] = from_torch(value);
  }
  metadata[configuration_key] = to_json(dit->configuration).dump();
  checkpoint::write_safetensors(path, tensors, metadata);
}

}  // namespace dydit::model
