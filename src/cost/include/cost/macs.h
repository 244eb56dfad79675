// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates (MACs) of one forward pass of one image, without guidance: linears, convolutions and both attention
// products; no softmax, norm or elementwise work.
#pragma once

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

/// Share of the dense model's MACs that is executed when nothing is multiplied by zero, of all routers whatever they decide;
/// its inverse is the theoretical speedup.
struct Rho {
  double with_routers = 0, without_routers = 0;
};
Rho rho(const model::Architecture& architecture, const Activity& activity);

}  // namespace dydit::cost
