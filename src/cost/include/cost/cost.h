// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates (MACs) of one forward pass of one image, without guidance: linears, convolutions and both
// attention products; no softmax, norm or elementwise work. The work of a pass by part, and the time that a machine's
// ceilings leave it (roofline: Williams, Waterman & Patterson, CACM 2009).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/architecture.h"

namespace dydit::cost {

using model::Activity;

/// Of the parts, without routers.
double macs_of(const std::vector<model::Part>& parts);
/// Of the complete model, without routers.
double macs_of(const model::Architecture& architecture);

/// The released code's ratio, which training holds to its target: share of the blocks' MACs that is on, units that are
/// always on included, without routers. Not a number for a model without units.
double lambda_realised(const model::Architecture& architecture, const Activity& activity);

/// Share of the dense model's MACs that is executed when nothing is multiplied by zero, of all routers whatever they
/// decide; its inverse is the theoretical speedup.
struct Rho {
  double with_routers = 0, without_routers = 0;
};
Rho rho(const model::Architecture& architecture, const Activity& activity);

/// Of one part, all layers together: multiply-accumulates, and the bytes between it and memory that it cannot avoid:
/// weights, inputs and outputs of each product once, where nothing stays in a cache from one product to the next.
struct Work {
  std::string part;
  model::Kind kind = model::Kind::fixed;
  double macs = 0, bytes = 0;
};

/// Of the parts of `activity`, the mean over the batch, whose images are of one timestep: they share the weights that
/// are read. Not read: weights of units that are off.
std::vector<Work> work_of(const model::Architecture& architecture, const Activity& activity, std::int64_t batch,
                          std::int64_t bytes_of_number);

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
