// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace dydit::gpu {

/// What a kernel is told of those around it in a pass; its result is the same.
struct Around {
  /// At most two weights that products read soon: where there are few rows, they are fetched into the L2 cache
  /// meanwhile.
  std::vector<at::Tensor> ahead = {};
  /// From the last rows to the first, but in kernels for few: what a kernel before wrote last still lies in the cache.
  bool backwards = false;
};

}  // namespace dydit::gpu
