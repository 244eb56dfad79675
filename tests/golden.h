// SPDX-License-Identifier: Apache-2.0
// The cases of golden/index.json: numbers of the official code, with configuration and advised tolerances.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "checkpoint/tensor.h"
#include "distance.h"
#include "dit/configuration.h"
#include "test_folder.h"

namespace dydit::test {

inline const std::filesystem::path golden_folder = dydit::test::test_folder() / "golden";

struct Golden {
  explicit Golden(const std::string& name);

  torch::Tensor operator[](const std::string& tensor) const;
  /// Of a case that describes a DiT.
  dit::Configuration configuration() const;
  std::filesystem::path file() const;

  nlohmann::json entry;  ///< the case in the index: "config", "tolerance" ...
  checkpoint::Tensors tensors;
};

/// Checks both distances against the case's float32 tolerances.
void check_close(const torch::Tensor& actual, const Golden& golden, const std::string& tensor);

}  // namespace dydit::test
