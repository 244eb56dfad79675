// SPDX-License-Identifier: Apache-2.0
// The work of a forward pass by part, and the time that a machine's ceilings leave it (roofline: Williams, Waterman &
// Patterson, CACM 2009).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cost/macs.h"

namespace dydit::cost {

/// Of one part, all layers together: multiply-accumulates, and the bytes between it and memory that it cannot avoid:
/// weights, inputs and outputs of each product once, where nothing stays in a cache from one product to the next.
struct Work {
  std::string_view part;
  double macs = 0, bytes = 0;
};

/// "patch", "conditioning" (time MLP, label), "adaln", "elementwise" (residuals and norms, one pass between two
/// products, and no MACs), "attention.qkv", "attention.products", "attention.projection", "routers" (of a dynamic
/// configuration), "mlp.fc1", "mlp.fc2", "final". Not read: weights of heads and groups that are off, a layer's MLP
/// where no token is on; where no head or no group is on, a bias alone is; rows of tokens that are off are neither
/// read nor written by the MLP. `activity` is the mean over the batch, whose images are of one timestep: they share the
/// weights that are read.
std::vector<Work> work_of(const model::Configuration& configuration, const Activity& activity, std::int64_t batch,
                          std::int64_t bytes_of_number);

/// The work of a part with all that it has: "mlp" is "mlp.fc1" and "mlp.fc2".
Work total_of(std::span<const Work> work, std::string_view part);

/// What a machine reaches at best.
struct Ceilings {
  double macs_per_second = 0, bytes_per_second = 0;
};

/// Sum over the parts of the longer of both times: no execution is faster that runs them one after the other, from
/// memory to memory.
double roofline_seconds(std::span<const Work> work, const Ceilings& ceilings);

}  // namespace dydit::cost
