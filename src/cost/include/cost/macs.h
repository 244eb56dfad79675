// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates (MACs) of one forward pass of one image, without guidance: linears, the patch
// convolution and both attention products; no softmax, norm or elementwise work.
#pragma once

#include <cstdint>
#include <vector>

#include "model/configuration.h"

namespace dydit::cost {

struct Macs {
  double patch = 0;
  double conditioning = 0;  ///< time MLP
  double adaln = 0;         ///< the blocks' modulation vectors
  double attention = 0;     ///< qkv, both products, projection: 4 T D^2 + 2 T^2 D a block
  double mlp = 0;           ///< 2 T D (ratio D) a block
  double final = 0;         ///< final modulation and linear
  double routers = 0;       ///< of a dynamic configuration; not in total()
  double total() const { return patch + conditioning + adaln + attention + mlp + final; }
};

/// Of the complete model.
Macs macs_of(const model::Configuration& configuration);

/// What was on in one forward pass of one image, or the mean over many: how many heads, channel groups and
/// tokens of each layer, and the products of groups and tokens, which a mean does not keep apart.
struct Activity {
  struct Layer {
    double heads = 0, groups = 0, tokens = 0, group_tokens = 0;
  };
  std::vector<Layer> layers;
};

/// Everything on.
Activity complete(const model::Configuration& configuration);

/// MACs that are executed when nothing is multiplied by zero; of all routers, whatever they decide.
Macs executed(const model::Configuration& configuration, const Activity& activity);

/// The released code's ratio, which training holds to its target: share of the blocks' attention and MLP that is
/// on, units that are always on included, without routers.
double lambda_realised(const model::Configuration& configuration, const Activity& activity);

/// Share of the dense model's MACs that is executed; its inverse is the theoretical speedup.
struct Rho {
  double with_routers = 0, without_routers = 0;
};
Rho rho(const model::Configuration& configuration, const Activity& activity);

struct ParameterCount {
  std::int64_t total = 0;      ///< the fixed position embedding included
  std::int64_t trainable = 0;  ///< without it
};

ParameterCount parameters_of(const model::Configuration& configuration);

}  // namespace dydit::cost
