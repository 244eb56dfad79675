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

/// Why the fused engines cannot run a model, on the device and in the type that its weights have: the build, the card,
/// the numbers or the model's shape have no kernels; "" where they can.
std::string fused_lacks(const DiTImpl& dit);
/// The same on a Hopper GPU, by the kernels of src/gpu, each pass one graph; of a model without routers the complete
/// one. Throws RunError with what it lacks.
std::unique_ptr<engine::Engine> fused_engine(DiT dit, const engine::Options& options = {});
/// The complete model so, whatever its routers say.
std::unique_ptr<engine::Engine> fused_dense_engine(DiT dit);

/// See engine::Family::floor.
std::optional<engine::Floor> floor_of(const DiT& dit, const std::vector<engine::Masks>& masks);

engine::Family family();

}  // namespace dydit::dit
