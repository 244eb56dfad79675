// SPDX-License-Identifier: Apache-2.0
#include "gpu/embed.h"

#include <ATen/cuda/CUDAContext.h>
#include <torch/torch.h>

#include "base/error.h"
#include "kernels.h"
#include "number_of.h"

namespace dydit::gpu {

using torch::Tensor;

namespace {

int as_int(std::int64_t number) { return static_cast<int>(number); }

Tensor contiguous(const Tensor& x, torch::Dtype dtype) {
  return x.scalar_type() == dtype || x.scalar_type() == torch::kFloat32 ? x.contiguous()
                                                                        : x.to(torch::kFloat32).contiguous();
}

}  // namespace

Tensor embed_patches(const Tensor& given, const Tensor& weight, const Tensor& bias, const Tensor& positions,
                     std::int64_t patch) {
  const Tensor x = contiguous(given, weight.scalar_type());
  const std::int64_t width = weight.size(1), tokens = positions.size(0);
  if (weight.size(0) != x.size(1) * patch * patch || !weight.is_contiguous() || width % 8 != 0 ||
      x.size(2) != x.size(3) || x.size(2) / patch * (x.size(2) / patch) != tokens || positions.size(1) != width)
    throw UsageError("patches and their weight do not fit", "x, weight");
  const Tensor out = torch::empty({x.size(0), tokens, width}, weight.options());
  launch(PatchLaunch{.number = number_of(weight),
                     .floats = x.scalar_type() == torch::kFloat32,
                     .x = x.const_data_ptr(),
                     .weight = weight.const_data_ptr(),
                     .bias = bias.const_data_ptr(),
                     .positions = positions.const_data_ptr(),
                     .out = out.mutable_data_ptr(),
                     .images = as_int(x.size(0)),
                     .channels = as_int(x.size(1)),
                     .side = as_int(x.size(2)),
                     .patch = as_int(patch),
                     .width = as_int(width)},
         at::cuda::getCurrentCUDAStream());
  return out;
}

Tensor condition(const Conditioner& c, const Tensor& t, const Tensor& labels) {
  const std::int64_t width = c.weight2.size(0);
  if (c.weight1.sizes() != at::IntArrayRef({width, 256}) || width % 8 != 0 || t.size(0) != labels.size(0))
    throw UsageError("timesteps, labels and their embedders do not fit", "t, y");
  const bool integers = t.scalar_type() == torch::kInt64;
  const Tensor times = (integers ? t : t.to(torch::kFloat32)).contiguous(), y = labels.to(torch::kInt64).contiguous();
  const Tensor hidden = torch::empty({t.size(0), width}, c.weight1.options()), out = torch::empty_like(hidden);
  launch(ConditionLaunch{.number = number_of(c.weight1),
                         .times = times.const_data_ptr(),
                         .integers = integers,
                         .frequencies = c.frequencies.const_data_ptr<float>(),
                         .weight1 = c.weight1.const_data_ptr(),
                         .bias1 = c.bias1.const_data_ptr(),
                         .weight2 = c.weight2.const_data_ptr(),
                         .bias2 = c.bias2.const_data_ptr(),
                         .labels = c.labels.const_data_ptr(),
                         .label_of = y.const_data_ptr<std::int64_t>(),
                         .hidden = hidden.mutable_data_ptr(),
                         .out = out.mutable_data_ptr(),
                         .images = as_int(t.size(0)),
                         .width = as_int(width)},
         at::cuda::getCurrentCUDAStream());
  return out;
}

std::int64_t final_columns(std::int64_t width, std::int64_t columns) {
  return final_rows(as_int(width), as_int(columns));
}

Tensor final_layer(const Tensor& x, const FinalLayer& f) {
  require_rows(x, f.shift, f.scale);
  const std::int64_t grid = f.side / f.patch, columns = f.patch * f.patch * f.channels;
  if (x.size(1) != grid * grid || f.weight.size(0) != final_columns(x.size(2), columns) || f.bias.size(0) != columns)
    throw UsageError("tokens and the final layer do not fit", "x, weight");
  const Tensor out = torch::empty({x.size(0), f.channels, f.side, f.side}, x.options());
  launch(FinalLaunch{.number = number_of(x),
                     .x = x.const_data_ptr(),
                     .shift = f.shift.const_data_ptr(),
                     .scale = f.scale.const_data_ptr(),
                     .weight = f.weight.const_data_ptr(),
                     .bias = f.bias.const_data_ptr(),
                     .modulation_stride = f.shift.stride(0),
                     .out = out.mutable_data_ptr(),
                     .images = as_int(x.size(0)),
                     .tokens = as_int(x.size(1)),
                     .width = as_int(x.size(2)),
                     .columns = as_int(columns),
                     .channels = as_int(f.channels),
                     .side = as_int(f.side),
                     .patch = as_int(f.patch)},
         at::cuda::getCurrentCUDAStream());
  return out;
}

}  // namespace dydit::gpu
