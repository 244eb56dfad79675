// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/Parallel.h>

#include "attend.h"
#include "model/linear.h"

namespace dydit::model {

using torch::Tensor;

Tensor attention(const Tensor& qkv, std::int64_t heads) {
  const auto n = qkv.size(0), t = qkv.size(1), width = qkv.size(2) / 3;
  if (suits_vector_code(qkv)) {
    const Tensor out = torch::empty({n, t, width}, qkv.options());
    const Attend work{qkv.const_data_ptr<float>(), out.data_ptr<float>(), n, t, heads, width / heads};
    at::parallel_for(0, work.parts(), 1, [&](std::int64_t begin, std::int64_t end) { attend(work, begin, end); });
    return out;
  }
  const auto parts = qkv.view({n, t, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor out = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);  // (N,H,T,W/H)
  return out.transpose(1, 2).reshape({n, t, width});
}

}  // namespace dydit::model
