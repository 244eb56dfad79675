// SPDX-License-Identifier: Apache-2.0
#include "gpu/attention.h"

#include <torch/torch.h>

#include "base/error.h"
#include "gpu/measure.h"

namespace dydit::gpu {

using torch::Tensor;

namespace {

// `attend` of (N,H,T,W/H) each.
template <typename Attend>
AttentionWay way(const char* name, const Attend& attend) {
  return {name, [attend](const Tensor& qkv, std::int64_t heads) {
            const auto n = qkv.size(0), t = qkv.size(1), width = qkv.size(2) / 3;
            const auto parts = qkv.view({n, t, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
            return Tensor(attend(parts[0], parts[1], parts[2])).transpose(1, 2).reshape({n, t, width});
          }};
}

}  // namespace

const std::vector<AttentionWay>& attention_ways() {
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

Tensor Attentions::run(const Tensor& qkv, std::int64_t heads) {
  const auto& all = attention_ways();
  auto& choice = choices_[{qkv.size(0), qkv.size(1), qkv.size(2), heads}];
  if (choice == nullptr) {
    std::vector<Trial> trials;
    std::vector<const AttentionWay*> of_trials;
    for (const AttentionWay& way : all) try {
        way.run(qkv, heads);
        trials.push_back({way.name, [&] { way.run(qkv, heads); }});
        of_trials.push_back(&way);
      } catch (const c10::Error&) {  // a library that does not take this shape
      }
    if (trials.empty()) throw RunError("no library's attention takes this shape", c10::str(qkv.sizes()));
    choice = of_trials[fastest(measure(trials, qkv.device()))];
  }
  return choice->run(qkv, heads);
}

}  // namespace dydit::gpu
