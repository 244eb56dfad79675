// SPDX-License-Identifier: Apache-2.0
#include "gpu/attention.h"

#include <ATen/cuda/CUDAContext.h>
#include <torch/torch.h>

#include "base/error.h"
#include "gpu/measure.h"
#include "kernels.h"
#include "number_of.h"

namespace dydit::gpu {

using torch::Tensor;

namespace {

// `attend` of (N,H,T,W/H) each.
template <typename Attend>
AttentionWay way(const char* name, const Attend& attend) {
  return {name,
          [attend](const Tensor& qkv, std::int64_t heads, const Around& /*around*/) {
            const auto n = qkv.size(0), t = qkv.size(1), width = qkv.size(2) / 3;
            const auto parts = qkv.view({n, t, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
            return Tensor(attend(parts[0], parts[1], parts[2])).transpose(1, 2).reshape({n, t, width});
          },
          /*of_library=*/true};
}

Tensor own(const Tensor& qkv, std::int64_t heads, const Around& around) {
  const auto n = qkv.size(0), t = qkv.size(1), width = qkv.size(2) / 3;
  Tensor out = torch::empty({n, t, width}, qkv.options());
  const auto narrow = [](std::int64_t number) { return static_cast<int>(number); };
  launch(AttentionLaunch{.number = number_of(qkv),
                         .qkv = qkv.const_data_ptr(),
                         .out = out.mutable_data_ptr(),
                         .images = narrow(n),
                         .tokens = narrow(t),
                         .heads = narrow(heads),
                         .size = narrow(width / heads),
                         .ahead = ahead_of(around.ahead),
                         .backwards = around.backwards},
         at::cuda::getCurrentCUDAStream());
  return out;
}

}  // namespace

const std::vector<AttentionWay>& library_attention_ways() {
  static const std::vector<AttentionWay> ways{
      way("cuDNN",
          [](const Tensor& q, const Tensor& k, const Tensor& v) {
            return std::get<0>(at::_scaled_dot_product_cudnn_attention(q, k, v, {}, /*compute_log_sumexp=*/false));
          }),
      way("flash", [](const Tensor& q, const Tensor& k, const Tensor& v) {
        return std::get<0>(at::_scaled_dot_product_flash_attention(q, k, v));
      })};
  return ways;
}

std::vector<AttentionWay> attention_ways(const Tensor& qkv, std::int64_t heads) {
  std::vector<AttentionWay> ways = library_attention_ways();
  const bool fits = qkv.dim() == 3 && qkv.is_contiguous() && qkv.size(2) % (3 * heads) == 0;
  if (fits && has_attention(static_cast<int>(qkv.size(1)), static_cast<int>(qkv.size(2) / 3 / heads)))
    ways.push_back({"ours", own});
  return ways;
}

std::vector<AttentionWay> those_that_run(std::vector<AttentionWay> ways, const Tensor& qkv, std::int64_t heads) {
  std::erase_if(ways, [&](const AttentionWay& way) {
    try {
      way.run(qkv, heads, {});
      return false;
    } catch (const c10::Error&) {  // a library that does not take this shape
      return true;
    }
  });
  if (ways.empty()) throw RunError("no library's attention takes this shape", c10::str(qkv.sizes()));
  return ways;
}

std::vector<Trial> trials_of(const std::vector<AttentionWay>& ways, const Tensor& qkv, std::int64_t heads) {
  std::vector<Trial> trials;
  for (const AttentionWay& way : ways) trials.push_back({way.name, [=] { way.run(qkv, heads, {}); }, way.of_library});
  return trials;
}

Tensor Attentions::run(const Tensor& qkv, std::int64_t heads, const Around& around) {
  AttentionWay& choice = choices_[{qkv.scalar_type(), qkv.size(0), qkv.size(1), qkv.size(2), heads}];
  if (!choice.run) {
    const std::vector<AttentionWay> ways = those_that_run(attention_ways(qkv, heads), qkv, heads);
    choice = ways[fastest(trials_of(ways, qkv, heads), qkv.device())];
  }
  return choice.run(qkv, heads, around);
}

}  // namespace dydit::gpu
