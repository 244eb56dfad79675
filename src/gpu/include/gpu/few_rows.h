// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit::gpu {

/// So many rows do not fill a GPU: up to here kernels are those that end soonest, beyond those that move most.
constexpr int few_rows = 2048;

}  // namespace dydit::gpu
