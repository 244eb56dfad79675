// SPDX-License-Identifier: Apache-2.0
#include "model/device.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <array>

#include "base/error.h"

namespace dydit::model {

static constexpr std::array<std::pair<const char*, torch::Dtype>, 3> dtypes{
    {{"float32", torch::kFloat32}, {"bfloat16", torch::kBFloat16}, {"float16", torch::kFloat16}}};

torch::Dtype dtype_named(const std::string& name) {
  for (const auto& [text, dtype] : dtypes)
    if (name == text) return dtype;
  throw UsageError("no such type of numbers", name, "known are float32, bfloat16 and float16");
}

std::string dtype_name(torch::Dtype dtype) {
  for (const auto& [text, type] : dtypes)
    if (dtype == type) return text;
  return torch::toString(dtype);
}

std::size_t free_memory(torch::Device device) {
  if (!device.is_cuda()) return 0;
  const auto index =
      device.has_index() ? device.index() : c10::impl::getDeviceGuardImpl(device.type())->getDevice().index();
  return c10::getDeviceAllocator(device.type())->getMemoryInfo(index).first;
}

}  // namespace dydit::model
