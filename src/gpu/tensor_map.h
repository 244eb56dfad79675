// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda.h>

#include <cstdint>
#include <initializer_list>

#include "kernels.h"

namespace dydit::gpu {

/// What the tensor memory accelerator has to know to copy boxes of a tensor of numbers of two bytes. Sizes, strides (of
/// all dimensions but the first, in numbers) and the box begin with the dimension whose numbers are neighbours. A box's
/// rows of 128 or 32 bytes are swizzled by as much, others are not; out of bounds it is zero.
CUtensorMap tensor_map(Number number, const void* data, std::initializer_list<std::int64_t> sizes,
                       std::initializer_list<std::int64_t> strides, std::initializer_list<int> box);

}  // namespace dydit::gpu
