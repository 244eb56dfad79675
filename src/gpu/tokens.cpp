// SPDX-License-Identifier: Apache-2.0
#include "gpu/tokens.h"

#include <ATen/cuda/CUDAContext.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <limits>

#include "base/error.h"
#include "kernels.h"
#include "number_of.h"

namespace dydit::gpu {

using torch::Tensor;

Number number_of(const Tensor& x) {
  if (x.scalar_type() == torch::kFloat16) return Number::float16;
  if (x.scalar_type() == torch::kBFloat16) return Number::bfloat16;
  throw UsageError("the GPU's kernels have no such type of numbers", c10::toString(x.scalar_type()),
                   "take bfloat16 or float16");
}

// Of kernels that read 16 bytes at a time.
void require_rows(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  const bool fit = x.dim() == 3 && x.is_contiguous() && x.is_cuda() && shift.sizes() == scale.sizes() &&
                   shift.strides() == scale.strides() && shift.dim() == 2 && shift.size(0) == x.size(0) &&
                   shift.size(1) == x.size(2) && shift.stride(1) == 1 && shift.stride(0) % 8 == 0;
  if (!fit) throw UsageError("tokens and their modulation do not fit", "x, shift, scale");
}

Ahead ahead_of(const std::vector<Tensor>& weights) {
  Ahead ahead{};
  if (weights.size() > std::size(ahead.data)) throw UsageError("too many weights to fetch", "ahead", "give two");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i].is_contiguous() || weights[i].nbytes() % 16 != 0 ||
        weights[i].nbytes() > std::numeric_limits<unsigned>::max())
      throw UsageError("weights to fetch do not lie together", c10::str(weights[i].sizes()));
    ahead.data[i] = weights[i].const_data_ptr();
    ahead.bytes[i] = static_cast<unsigned>(weights[i].nbytes());
  }
  return ahead;
}

static int rows_of(const Tensor& x) { return static_cast<int>(x.size(0) * x.size(1)); }

void modulated_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, const Tensor& out,
                    const Around& around) {
  require_rows(x, shift, scale);
  launch(NormLaunch{.number = number_of(x),
                    .x = x.const_data_ptr(),
                    .shift = shift.const_data_ptr(),
                    .scale = scale.const_data_ptr(),
                    .out = out.mutable_data_ptr(),
                    .rows = rows_of(x),
                    .width = static_cast<int>(x.size(2)),
                    .tokens = static_cast<int>(x.size(1)),
                    .modulation_stride = shift.stride(0),
                    .ahead = ahead_of(around.ahead),
                    .backwards = around.backwards},
         at::cuda::getCurrentCUDAStream());
}

bool has_token_router(std::int64_t width, std::int64_t hidden) {
  return has_router(static_cast<int>(width), static_cast<int>(hidden));
}

// Throws UsageError where there is none, or no kernel for it.
static void require_router(const Route& r) {
  if (!r.router.weight1.defined()) throw UsageError("tokens without a router", "router", "give its weights");
  if (!has_token_router(r.x.size(2), r.router.weight1.size(0)))
    throw UsageError("the GPU's kernels have no router of this width", std::to_string(r.x.size(2)));
}

static void require_logits(const Route& r) {
  if (!r.logits.defined()) throw UsageError("tokens without their logits", "logits", "give a tensor of them");
}

bool logits_apart(std::int64_t tokens) { return tokens > few_rows; }

void token_logits(const Route& r) {
  require_rows(r.x, r.shift, r.scale);
  require_router(r);
  require_logits(r);
  const auto narrow = [](std::int64_t number) { return static_cast<int>(number); };
  const Tensor& hidden = r.router.weight1;
  launch_logits(ProductLaunch{.number = number_of(r.x),
                              .epilogue = Epilogue::logits,
                              .x = r.x.const_data_ptr(),
                              .weight = hidden.const_data_ptr(),
                              .bias = r.router.bias1.const_data_ptr(),
                              .out = r.logits.mutable_data_ptr<float>(),
                              .m = rows_of(r.x),
                              .n = narrow(hidden.size(0)),
                              .k = narrow(hidden.size(1)),
                              .x_stride = r.x.size(2),
                              .weight_stride = hidden.stride(0),
                              .count = nullptr,
                              .rows = nullptr,
                              .gate = nullptr,
                              .gate_stride = 0,
                              .tokens = narrow(r.x.size(1)),
                              .second = r.router.weight2.const_data_ptr(),
                              .second_bias = r.router.bias2.const_data_ptr(),
                              .out_stride = r.logits.stride(0),
                              .out_rows = 0,
                              .backwards = r.around.backwards},
                at::cuda::getCurrentCUDAStream());
}

void route(const Route& r) {
  require_rows(r.x, r.shift, r.scale);
  const bool routed = r.router.weight1.defined();
  if (r.has_logits)
    require_logits(r);
  else if (routed || !r.imposed.defined())
    require_router(r);
  const auto of = [](const Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr() : nullptr; };
  launch(RouteLaunch{.number = number_of(r.x),
                     .x = r.x.const_data_ptr(),
                     .shift = r.shift.const_data_ptr(),
                     .scale = r.scale.const_data_ptr(),
                     .modulation_stride = r.shift.stride(0),
                     .weight1 = of(r.router.weight1),
                     .bias1 = of(r.router.bias1),
                     .weight2 = of(r.router.weight2),
                     .bias2 = of(r.router.bias2),
                     .has_logits = r.has_logits,
                     .imposed = r.imposed.defined() ? r.imposed.const_data_ptr<bool>() : nullptr,
                     .on = r.on.mutable_data_ptr<bool>(),
                     .logits = r.logits.defined() ? r.logits.mutable_data_ptr<float>() : nullptr,
                     .imposed_stride = r.imposed.defined() ? r.imposed.stride(0) : 0,
                     .on_stride = r.on.stride(0),
                     .logits_stride = r.logits.defined() ? r.logits.stride(0) : 0,
                     .out = r.out.mutable_data_ptr(),
                     .numbers = r.rows.mutable_data_ptr<int>(),
                     .count = r.count.mutable_data_ptr<int>(),
                     .rows = rows_of(r.x),
                     .width = static_cast<int>(r.x.size(2)),
                     .hidden = routed ? static_cast<int>(r.router.weight1.size(0)) : 0,
                     .tokens = static_cast<int>(r.x.size(1)),
                     .ahead = ahead_of(r.around.ahead),
                     .backwards = r.around.backwards},
         at::cuda::getCurrentCUDAStream());
}

namespace plain {

Tensor modulated_norm(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  const Tensor normed = torch::layer_norm(x.to(torch::kFloat32), {x.size(2)}, {}, {}, 1e-6);
  return (normed * (1 + scale.to(torch::kFloat32).unsqueeze(1)) + shift.to(torch::kFloat32).unsqueeze(1))
      .to(x.scalar_type());
}

Tensor logits(const Tensor& x, const TokenRouter& router) {
  const auto wide = [](const Tensor& tensor) { return tensor.to(torch::kFloat32); };
  const Tensor hidden = torch::relu(torch::linear(wide(x), wide(router.weight1), wide(router.bias1)));
  return torch::linear(hidden, wide(router.weight2), wide(router.bias2)).squeeze(2);
}

}  // namespace plain

}  // namespace dydit::gpu
