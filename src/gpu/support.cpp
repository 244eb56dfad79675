// SPDX-License-Identifier: Apache-2.0
#include "gpu/support.h"

#include <ATen/cuda/CUDAContext.h>
#include <fmt/format.h>

namespace dydit::gpu {

std::string lacks(torch::Device device, torch::Dtype dtype) {
  if (!device.is_cuda()) return "it runs on a GPU";
  const cudaDeviceProp& card = *at::cuda::getDeviceProperties(device.index());
  if (card.major != 9 || card.minor != 0)
    return fmt::format("it runs on Hopper (compute capability 9.0), and this is {} ({}.{})", card.name, card.major,
                       card.minor);
  if (dtype != torch::kBFloat16 && dtype != torch::kFloat16) return "it computes in bfloat16 or float16";
  return "";
}

}  // namespace dydit::gpu
