// SPDX-License-Identifier: Apache-2.0
#include "golden.h"

#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "model/tensors.h"

namespace dydit::test {

using torch::Tensor;

Golden::Golden(const std::string& name) {
  const auto index = nlohmann::json::parse(read_file(golden_folder / "index.json"));
  for (const auto& candidate : index.at("cases"))
    if (candidate.at("name") == name) entry = candidate;
  tensors = checkpoint::read_safetensors(file()).tensors;
}

std::filesystem::path Golden::file() const { return golden_folder / entry.at("file").get<std::string>(); }

Tensor Golden::operator[](const std::string& tensor) const { return model::to_torch(tensors.at(tensor)).clone(); }

dit::Configuration Golden::configuration() const {
  const auto& whole = entry.at("config");
  const auto& config = whole.contains("model_config") ? whole.at("model_config") : whole;
  return {.name = "",
          .input_size = config.at("input_size"),
          .patch_size = config.at("patch_size"),
          .in_channels = config.at("in_channels"),
          .hidden_size = config.at("hidden_size"),
          .depth = config.at("depth"),
          .num_heads = config.at("num_heads"),
          .num_classes = config.at("num_classes"),
          .learn_sigma = config.at("learn_sigma"),
          .dynamic = entry.at("kind").get<std::string>().starts_with("dydit_forward"),
          .first_unit_always_on = entry.at("kind") != "dydit_forward_old"};
}

void check_close(const Tensor& actual, const Golden& golden, const std::string& tensor) {
  INFO(golden.entry.at("name") << ": " << tensor);
  const auto& tolerance = golden.entry.at("tolerance");
  CHECK(rel_l2(actual, golden[tensor]) <= tolerance.at("fp32_rel_l2"));
  CHECK(max_abs(actual, golden[tensor]) <= tolerance.at("fp32_max_abs"));
}

}  // namespace dydit::test
