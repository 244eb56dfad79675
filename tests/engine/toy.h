// SPDX-License-Identifier: Apache-2.0
// A model with as many unit axes as are needed to tell them apart, of a family that is none of the project's.
#pragma once

#include <torch/types.h>

#include "engine/family.h"

namespace dydit::test {

/// Two axes of two layers and one of a single layer; of its 10 MACs 6 are of heads, 3 of heads and tokens and
/// 1 of experts.
inline model::Architecture toy_architecture() {
  using model::Scope;
  model::Architecture architecture;
  architecture.name = "Toy-1";
  architecture.units = {{"heads", "heads", 2, 3, true, Scope::timestep},
                        {"tokens", "tokens", 2, 4, false, Scope::token},
                        {"experts", "experts", 1, 2, false, Scope::timestep}};
  architecture.skippable = {{6, {0}}, {3, {0, 1}}, {1, {2}}};
  return architecture;
}

/// Its output is its input times its only weight.
struct Toy : model::Network {
  explicit Toy(model::Architecture of) : Network(std::move(of)) {
    weight = register_parameter("weight", torch::full({1}, 2.0F));
  }
  torch::Tensor complete(const model::Inputs& in) override { return in.x * weight; }
  std::shared_ptr<Network> blank() const override { return std::make_shared<Toy>(architecture); }
  void randomise(std::uint64_t seed) override { weight.data().fill_(static_cast<double>(seed)); }

  torch::Tensor weight;
};

}  // namespace dydit::test
