// SPDX-License-Identifier: Apache-2.0
#include "instrument/ceilings.h"

#include <torch/torch.h>

#include <algorithm>
#include <memory>

#include "model/linear.h"

namespace dydit::instrument {

using torch::Tensor;

Ceiling product_ceiling(torch::Device device, torch::Dtype dtype) {
  const std::int64_t side = device.is_cpu() ? 2048 : 8192;
  const auto options = torch::TensorOptions().device(device).dtype(dtype);
  const auto linear =
      std::make_shared<model::PackedLinear>(operand({side, side}, 0, options), torch::zeros({side}, options), side);
  const Tensor x = operand({side, side}, 1, options);
  const auto rows = static_cast<double>(side);
  return {{"product ceiling", [=](std::int64_t) { linear->forward(x); }}, rows * rows * rows};
}

Ceiling copy_ceiling(torch::Device device, std::int64_t bytes) {
  // A short copy on a GPU is a launch, not a rate.
  if (!device.is_cpu()) bytes = std::max(bytes, std::int64_t{256} << 20);
  const Tensor from = torch::ones({bytes}, torch::TensorOptions().device(device).dtype(torch::kUInt8));
  const Tensor to = torch::empty_like(from);
  return {{"copy ceiling", [=](std::int64_t) { to.copy_(from); }}, 2 * static_cast<double>(bytes)};
}

}  // namespace dydit::instrument
