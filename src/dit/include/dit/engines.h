// SPDX-License-Identifier: Apache-2.0
// The DiT family: DiT and SiT, with the routers of DyDiT or without, and what runs them.
#pragma once

#include "dit/dit.h"
#include "engine/family.h"

namespace dydit::dit {

/// The published semantics: everything is computed, and multiplied by the masks.
std::unique_ptr<engine::Engine> masked_engine(DiT dit);

/// The same function with nothing multiplied by zero: for each timestep the weights of its heads and groups packed
/// together, and the MLP on the routed tokens of the batch alone. For inference.
std::unique_ptr<engine::Engine> compact_engine(DiT dit, const engine::Options& options = {});

engine::Family family();

}  // namespace dydit::dit
