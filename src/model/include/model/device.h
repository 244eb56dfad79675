// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <string>

namespace dydit::model {

/// "float32", "bfloat16" or "float16"; throws UsageError naming them.
torch::Dtype dtype_named(const std::string& name);
/// The other way.
std::string dtype_name(torch::Dtype dtype);

/// Bytes of a GPU's memory that nobody has taken; 0 of another device.
std::size_t free_memory(torch::Device device);

/// A host tensor on `device`. To a GPU it goes through pinned memory and in the stream's order: the host does not
/// wait for it, nor for the work before it.
inline torch::Tensor to_device(const torch::Tensor& host, torch::Device device) {
  return device.is_cuda() ? host.pin_memory().to(device, /*non_blocking=*/true) : host;
}

}  // namespace dydit::model
