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
  std::string part;
  model::Kind kind = model::Kind::fixed;
  double macs = 0, bytes = 0;
};

/// Of the parts of `activity`, the mean over the batch, whose images are of one timestep: they share the weights that are
/// read. Not read: weights of units that are off.
std::vector<Work> work_of(const model::Architecture& architecture, const Activity& activity, std::int64_t batch,
                          std::int64_t bytes_of_number);

/// The work of a part with all that it has: "mlp" is "mlp.fc1" and "mlp.fc2".
Work total_of(std::span<const Work> work, std::string_view part);
/// MACs of the parts of a kind.
double macs_of(std::span<const Work> work, model::Kind kind);

/// What a machine reaches at best.
struct Ceilings {
  double macs_per_second = 0, bytes_per_second = 0;
};

/// Sum over the parts of the longer of both times: no execution is faster that runs them one after the other, from
/// memory to memory.
double roofline_seconds(std::span<const Work> work, const Ceilings& ceilings);

}  // namespace dydit::cost
