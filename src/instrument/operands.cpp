// SPDX-License-Identifier: Apache-2.0
#include "instrument/operands.h"

#include "base/random.h"

namespace dydit::instrument {

torch::Tensor operand(at::IntArrayRef sizes, std::uint64_t which, const torch::TensorOptions& options) {
  const torch::Tensor numbers = torch::empty(sizes, torch::kFloat32);
  Random(/*seed=*/0, Purpose::operand, which)
      .fill_normal({numbers.data_ptr<float>(), static_cast<std::size_t>(numbers.numel())});
  return numbers.to(options);
}

}  // namespace dydit::instrument
