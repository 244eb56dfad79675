// SPDX-License-Identifier: Apache-2.0
#include "gpu/reuse.h"

#include <ATen/cuda/CUDAContext.h>
#include <torch/torch.h>

#include "base/error.h"
#include "kernels.h"
#include "number_of.h"

namespace dydit::gpu {

using torch::Tensor;

void reuse(const Reuse& r) {
  const std::int64_t images = r.stream.size(0), tokens = r.stream.size(1), width = r.stream.size(2);
  const std::int64_t parts = r.gates.size(1);
  bool fit = r.stream.is_contiguous() && width % 8 == 0 && r.passes.size() == r.factors.size() &&
             r.passes.size() <= std::size(ReuseLaunch{}.features) &&
             r.gates.sizes() == at::IntArrayRef({images, parts, width}) && r.gates.scalar_type() == r.stream.scalar_type() && r.gates.stride(2) == 1 &&
             r.gates.stride(0) % 8 == 0 && r.gates.stride(1) % 8 == 0;
  for (const Tensor& pass : r.passes)
    fit = fit && pass.sizes() == at::IntArrayRef({parts, images, tokens, width}) && pass[0].is_contiguous() &&
          pass.scalar_type() == r.stream.scalar_type();
  if (r.on.defined())
    fit = fit && r.on.sizes() == at::IntArrayRef({images, parts / 2, tokens}) && r.on[0].is_contiguous();
  if (!fit) throw UsageError("what is reused does not fit the stream", c10::str(r.stream.sizes()));
  ReuseLaunch launched{.number = number_of(r.stream),
                       .stream = r.stream.mutable_data_ptr(),
                       .features = {},
                       .part_strides = {},
                       .factors = {},
                       .passes = static_cast<int>(r.passes.size()),
                       .gates = r.gates.const_data_ptr(),
                       .gate_image_stride = r.gates.stride(0),
                       .gate_part_stride = r.gates.stride(1),
                       .on = r.on.defined() ? r.on.const_data_ptr<bool>() : nullptr,
                       .on_stride = r.on.defined() ? r.on.stride(0) : 0,
                       .parts = static_cast<int>(parts),
                       .images = static_cast<int>(images),
                       .tokens = static_cast<int>(tokens),
                       .width = static_cast<int>(width)};
  for (std::size_t i = 0; i < r.passes.size(); ++i) {
    launched.features[i] = r.passes[i].const_data_ptr();
    launched.part_strides[i] = r.passes[i].stride(0);
    launched.factors[i] = static_cast<float>(r.factors[i]);
  }
  launch(launched, at::cuda::getCurrentCUDAStream());
}

namespace plain {

Tensor reuse(const Reuse& r) {
  const auto wide = [](const Tensor& tensor) { return tensor.to(torch::kFloat32); };
  Tensor sum = wide(r.stream).clone();
  for (std::int64_t part = 0; part < r.gates.size(1); ++part) {
    Tensor output = torch::zeros_like(sum);
    for (std::size_t i = 0; i < r.passes.size(); ++i) output += wide(r.passes[i][part]) * r.factors[i];
    if (r.on.defined() && part % 2 == 1) output *= wide(r.on.select(1, part / 2)).unsqueeze(2);
    sum += output * wide(r.gates.select(1, part)).unsqueeze(1);
  }
  return sum.to(r.stream.scalar_type());
}

}  // namespace plain

}  // namespace dydit::gpu
