// SPDX-License-Identifier: Apache-2.0
// A tensor as PyTorch describes it: a storage seen through offset, sizes and strides.
#pragma once

#include "checkpoint/tensor.h"

namespace dydit::checkpoint {

struct Strided {
  DType type;
  std::span<const std::byte> storage;
  std::int64_t offset;  ///< in elements, as the strides
  std::vector<std::int64_t> shape, strides;
};

/// Why the tensor cannot be taken: sizes that do not fit, a reach outside the storage, or more elements
/// than the storage has (an expanded tensor). Nothing for a sound one.
std::optional<std::string> fault_of(const Strided& strided);

/// Whether the elements of a sound tensor lie in row-major order without gaps.
bool contiguous(const Strided& strided);

/// Writes a sound tensor's elements in row-major order to `out`, which has room for them.
void gather(const Strided& strided, std::byte* out);

}  // namespace dydit::checkpoint
