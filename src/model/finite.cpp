// SPDX-License-Identifier: Apache-2.0
#include "model/finite.h"

#include "base/error.h"

namespace dydit::model {

using torch::Tensor;

// Without gradients; of narrow types in float32, which holds any sum of a few million of their values.
static Tensor sum_of(const Tensor& tensor) {
  const bool is_wide = tensor.scalar_type() == torch::kFloat32 || tensor.scalar_type() == torch::kFloat64;
  return (is_wide ? tensor.sum() : tensor.sum(torch::kFloat32)).to(torch::kFloat64);
}

std::vector<std::size_t> not_finite(const std::vector<Tensor>& tensors) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> sums;
  std::vector<std::size_t> places, found;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    sums.push_back(sum_of(tensors[i]));
    places.push_back(i);
  }
  if (sums.empty()) return found;
  // A finite sum has finite summands alone; one that is not may be an overflow.
  const Tensor finite = torch::stack(sums).isfinite().cpu();
  for (std::size_t i = 0; i < places.size(); ++i)
    if (!finite.const_data_ptr<bool>()[i] && !tensors[places[i]].isfinite().all().item<bool>())
      found.push_back(places[i]);
  return found;
}

void require_finite_output(const Tensor& output) {
  if (!not_finite({output}).empty()) throw NotFinite("the model's output is not finite", "", not_finite_reason);
}

}  // namespace dydit::model
