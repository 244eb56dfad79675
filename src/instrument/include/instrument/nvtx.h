// SPDX-License-Identifier: Apache-2.0
// Ranges for the tools that listen to NVTX, as Nsight Systems and Nsight Compute do.
#pragma once

#include <memory>

#include "base/range.h"

namespace dydit::instrument {

/// Tells the tool of each range of the threads that it observes, in the domain "dydit"; it knows no paths. Null where
/// no tool listens (one that does is named to NVTX by NVTX_INJECTION64_PATH) or the build has no CUDA toolkit.
std::unique_ptr<RangeObserver> nvtx_ranges();

}  // namespace dydit::instrument
