// SPDX-License-Identifier: Apache-2.0
// A build without CUDA.
#include "base/error.h"
#include "dit/engines.h"

namespace dydit::dit {

std::unique_ptr<engine::Engine> fused_engine(DiT, const engine::Options&) {
  throw RunError("the fused engine runs on a GPU", "this program was built without CUDA", "choose another engine");
}

std::unique_ptr<engine::Engine> fused_dense_engine(DiT dit) { return fused_engine(std::move(dit)); }

}  // namespace dydit::dit
