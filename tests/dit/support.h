// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dit/engines.h"

namespace dydit::test {

/// That runs `dit` under this name. Throws UsageError as Family::engine does.
inline std::unique_ptr<engine::Engine> engine_named(const std::string& name, const dit::DiT& dit) {
  const engine::Family family = dit::family();
  return family.engine(name).make(dit.ptr(), {});
}

}  // namespace dydit::test
