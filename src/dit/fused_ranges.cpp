// SPDX-License-Identifier: Apache-2.0
#include "fused_ranges.h"

#include <torch/types.h>

namespace dydit::dit {

using torch::Tensor;

namespace {

double numbers(const Tensor& tensor) { return static_cast<double>(tensor.numel()); }
double size(const Tensor& tensor) { return static_cast<double>(tensor.element_size()); }

}  // namespace

const std::vector<double>& CountedTokens::of(const Tensor& mask) {
  std::erase_if(counted_, [](const auto& one) { return one.first.gone(); });
  for (const auto& [known, rows] : counted_)
    if (known.is(mask)) return rows;
  const Tensor on = mask.sum(at::IntArrayRef{0, 2}).to(torch::kCPU, torch::kFloat64);
  counted_.emplace_back(KnownTensor(mask),
                        std::vector(on.const_data_ptr<double>(), on.const_data_ptr<double>() + on.numel()));
  return counted_.back().second;
}

RangeInfo conditioning_range(const gpu::Conditioner& c, std::int64_t images) {
  const double weights = numbers(c.weight1) + numbers(c.weight2);
  return {.name = "conditioning", .macs = static_cast<double>(images) * weights, .bytes = size(c.weight1) * weights};
}

RangeInfo product_range(const char* name, const gpu::Product& p, std::optional<double> rows) {
  if (!rows) return {.name = name};
  const auto n = static_cast<double>(p.weight.size(0)), k = static_cast<double>(p.weight.size(1));
  const double of_out = p.epilogue == gpu::Epilogue::gated_residual ? 2 : 1;  // the stream is read, too
  return {.name = name, .macs = *rows * n * k, .bytes = size(p.x) * (*rows * (k + of_out * n) + n * k)};
}

RangeInfo norm_range(const Tensor& x) { return {.name = "norm", .bytes = 2 * numbers(x) * size(x)}; }

RangeInfo attention_range(const Tensor& qkv, std::int64_t tokens) {
  const double of_one = numbers(qkv) / 3;
  return {.name = "sdpa", .macs = 2 * of_one * static_cast<double>(tokens), .bytes = 4 * of_one * size(qkv)};
}

RangeInfo router_range(const gpu::Route& r) {
  const Tensor& hidden = r.router.weight1;
  const double tokens = numbers(r.x) / static_cast<double>(r.x.size(2));
  return {.name = "router",
          .macs = tokens * (numbers(hidden) + static_cast<double>(hidden.size(0))),
          .bytes = size(r.x) * numbers(r.x)};
}

RangeInfo route_range(const gpu::Route& r, std::optional<double> on) {
  if (!on) return {.name = "route"};
  const bool routes = r.router.weight1.defined() && !r.has_logits;
  const double normed = size(r.x) * *on * static_cast<double>(r.x.size(2));
  return {.name = "route",
          .macs = routes ? router_range(r).macs : 0,
          .bytes = normed + (routes ? router_range(r).bytes : normed)};
}

RangeInfo reuse_range(const gpu::Reuse& r) {
  double read = 0;
  for (const Tensor& pass : r.passes) read += numbers(pass);
  return {.name = "reuse", .bytes = size(r.stream) * (read + 2 * numbers(r.stream))};
}

RangeInfo narrow_range(const char* name, const Tensor& weight, std::int64_t rows) {
  const auto width = static_cast<double>(weight.size(0)), patch = numbers(weight) / width;
  return {.name = name,
          .macs = static_cast<double>(rows) * numbers(weight),
          .bytes = static_cast<double>(rows) * size(weight) * (width + patch)};
}

}  // namespace dydit::dit
