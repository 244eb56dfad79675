// SPDX-License-Identifier: Apache-2.0
// The checkpoint of a golden DyDiT whose weights are a formula.
#pragma once

#include "dit/weights.h"
#include "golden.h"
#include "golden_weights.h"
#include "temporary_folder.h"

namespace dydit::test {

class DynamicWeights {
 public:
  explicit DynamicWeights(const std::string& golden_case = "dydit_tiny") : golden(golden_case) {
    dit::DiT dit(golden.configuration());
    fill_dydit(*dit, golden.entry.at("config").at("hash_seed"));
    dit::save_dit(file(), dit, torch::kFloat32);
  }
  std::string file() const { return folder_.path() / "weights.safetensors"; }

  const Golden golden;

 private:
  TemporaryFolder folder_;
};

}  // namespace dydit::test
