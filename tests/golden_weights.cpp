// SPDX-License-Identifier: Apache-2.0
#include "golden_weights.h"

#include <cmath>
#include <map>

#include "catch.h"
#include "checkpoint/safetensors.h"
#include "dit/dit.h"
#include "golden.h"
#include "model/tensors.h"
#include "temporary_folder.h"

namespace dydit::test {

using torch::Tensor;

static std::map<std::string, Tensor> numbered(const torch::nn::Module& module) {
  std::map<std::string, Tensor> entries;
  for (const auto& item : module.named_parameters())
    if (item.key() != "pos_embed") entries[item.key()] = item.value().detach();
  return entries;
}

void fill_plain(torch::nn::Module& module) {
  std::int64_t k = 0;
  for (auto& [name, tensor] : numbered(module)) {
    const Tensor j = torch::arange(tensor.numel(), torch::kFloat64);
    const auto at = static_cast<double>(k), slope = static_cast<double>(k % 7 + 1);
    const Tensor s = torch::sin(0.7 * at + 0.013 * j + 0.000011 * j * slope);
    tensor.copy_(((tensor.dim() > 1 ? 0.05 : 0.02) * s).view_as(tensor));
    ++k;
  }
}

Tensor hashed(const Tensor& tensor, std::int64_t k) {
  constexpr std::int64_t mask = 0xffffffff;  // no product here reaches 63 bits
  Tensor h = torch::arange(tensor.numel(), torch::kInt64) * 2654435761 + (k + 1) * 2246822519;
  h = h.bitwise_and(mask);
  for (int round = 0; round < 2; ++round) h = (h.bitwise_xor(h.bitwise_right_shift(16)) * 0x45D9F3B).bitwise_and(mask);
  h = h.bitwise_xor(h.bitwise_right_shift(16));
  return (h.to(torch::kFloat64) / 2147483648.0 - 1.0).view_as(tensor);
}

static double fan_in(const Tensor& tensor) {
  return static_cast<double>(tensor.numel()) / static_cast<double>(tensor.size(0));
}

void fill_dydit(torch::nn::Module& module, std::int64_t hash_seed) {
  torch::NoGradGuard no_grad;
  std::int64_t k = 1000 * hash_seed;
  for (auto& [name, tensor] : numbered(module)) {
    const double size = name == "y_embedder.embedding_table.weight" ? 0.5
                        : tensor.dim() > 1                          ? 2.0 / std::sqrt(fan_in(tensor))
                                                                    : 0.3;
    tensor.copy_(size * hashed(tensor, k++));
  }
}

void fill_vae(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  std::int64_t k = 0;
  for (auto& [name, tensor] : numbered(module)) {
    const Tensor h = hashed(tensor, k++);
    const bool of_norm = name.find("norm") != name.npos && name.ends_with(".weight");
    tensor.copy_(tensor.dim() > 1 ? 1.7 / std::sqrt(fan_in(tensor)) * h : of_norm ? 1 + 0.1 * h : 0.1 * h);
  }
}

std::filesystem::path tiny_weights() {
  static const TemporaryFolder folder;
  const auto file = folder.path() / "tiny.safetensors";
  if (!std::filesystem::exists(file)) {
    dit::DiT dit(Golden("dit_tiny").configuration());
    fill_plain(*dit);
    checkpoint::write_safetensors(file, model::parameters_of(*dit));
  }
  return file;
}

void check_weights(const torch::nn::Module& module, const nlohmann::json& weight_check) {
  const auto entries = numbered(module);
  for (const auto& [name, expected] : weight_check.items()) {
    INFO(name);
    const auto found = entries.find(name);
    REQUIRE(found != entries.end());
    CHECK(std::distance(entries.begin(), found) == expected.at("k"));
    const Tensor values = found->second.flatten().to(torch::kFloat64);
    // The sine may differ between mathematics libraries in the last bit of a float32.
    const auto near = [&](std::int64_t j, double value) {
      return std::abs(values[j].item<double>() - value) <= 1.2e-7 * std::abs(value) + 1e-17;
    };
    for (std::int64_t j = 0; j < std::min<std::int64_t>(3, values.numel()); ++j)
      CHECK(near(j, expected.at("first3").at(static_cast<std::size_t>(j))));
    CHECK(near(values.numel() - 1, expected.at("last")));
    CHECK(std::abs(values.sum().item<double>() - expected.at("sum_f64").get<double>()) <=
          1e-9 * values.abs().sum().item<double>());
  }
}

}  // namespace dydit::test
