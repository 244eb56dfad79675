// SPDX-License-Identifier: Apache-2.0
#include "model/tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "base/error.h"
#include "model/finite.h"
#include "model/network.h"

namespace dydit::model {

using checkpoint::DType;
using torch::Tensor;

namespace {

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
  parts.push_back(
      fmt::format("{} {}: {}{}", names.size(), kind, fmt::join(shown, ", "), names.size() > most ? ", ..." : ""));
}

}  // namespace

void require_finite_parameters(const torch::nn::Module& module, const std::string& what, const std::string& where) {
  const auto parameters = module.named_parameters();
  const auto found = not_finite(parameters.values());
  if (found.empty()) return;
  // Where a training diverged, that is most of them.
  const std::string others = found.size() == 1 ? "" : fmt::format(", as {} more do", found.size() - 1);
  throw InputError(what, where, parameters[found.front()].key() + " holds NaN or infinity" + others);
}

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

void load_parameters(torch::nn::Module& module, const checkpoint::Tensors& tensors, const std::string& where) {
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
  require_finite_parameters(module, "the weights are not finite as float32", where);
}

checkpoint::Tensors parameters_of(const torch::nn::Module& module, const std::string& prefix) {
  checkpoint::Tensors tensors;
  for (const auto& item : module.named_parameters()) tensors[prefix + item.key()] = from_torch(item.value());
  return tensors;
}

std::shared_ptr<Network> copy_of(const Network& network) {
  const auto copy = network.blank();
  load_parameters(*copy, parameters_of(network), "");
  copy->eval();
  return copy;
}

}  // namespace dydit::model
