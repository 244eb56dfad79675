// SPDX-License-Identifier: Apache-2.0
// A build without CUDA.
#include "base/error.h"
#include "dit/engines.h"

namespace dydit::dit {

std::string fused_lacks(const DiTImpl&) { return "this program was built without CUDA"; }

std::unique_ptr<engine::Engine> fused_engine(DiT dit, const engine::Options&) {
  throw RunError("the fused engine cannot run this model", fused_lacks(*dit), "choose another engine");
}

std::unique_ptr<engine::Engine> fused_dense_engine(DiT dit) { return fused_engine(std::move(dit)); }

std::optional<engine::Floor> floor_of(const DiT&, const std::vector<engine::Masks>&) { return std::nullopt; }

}  // namespace dydit::dit
