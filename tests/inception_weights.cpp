// SPDX-License-Identifier: Apache-2.0
#include "inception_weights.h"

#include <torch/torch.h>

#include <cmath>
#include <map>

#include "golden_weights.h"
#include "model/tensors.h"
#include "quality/inception.h"

namespace dydit::test {

using torch::Tensor;

checkpoint::Tensors inception_weights() {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, shape] : quality::Inception::parameters())
    tensors[name] = torch::empty(shape, torch::kFloat64);
  tensors["fc.bias"] = torch::empty({1008}, torch::kFloat64);
  checkpoint::Tensors filled;
  std::int64_t k = 0;
  for (auto& [name, tensor] : tensors) {
    const Tensor h = hashed(tensor, k++);
    const double fan_in = static_cast<double>(tensor.numel() / tensor.size(0));
    const Tensor values = tensor.dim() > 1                 ? 2.4 / std::sqrt(fan_in) * h
                          : name.ends_with(".bn.weight")   ? 1 + 0.1 * h
                          : name.ends_with(".running_var") ? 1 + 0.5 * h.abs()
                                                           : 0.1 * h;
    filled[name] = model::from_torch(values.to(torch::kFloat32).contiguous());
  }
  return filled;
}

}  // namespace dydit::test
