// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <string>

namespace dydit::gpu {

/// Why the kernels of this room cannot run there on such numbers; "" where they can: Hopper (compute capability 9.0),
/// bfloat16 or float16.
std::string lacks(torch::Device device, torch::Dtype dtype);

}  // namespace dydit::gpu
