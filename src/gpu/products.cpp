// SPDX-License-Identifier: Apache-2.0
#include <ATen/cuda/CUDAContext.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "gpu/measure.h"
#include "gpu/product.h"
#include "kernels.h"

namespace dydit::gpu {

using torch::Tensor;

namespace {

void require_matrix(const Tensor& matrix, const char* name, std::int64_t columns) {
  const bool aligned = columns == 0 || (matrix.stride(1) == 1 && matrix.stride(0) % 8 == 0);
  if (matrix.dim() != 2 || matrix.size(1) != columns || !aligned || !matrix.is_cuda())
    throw UsageError(
        "a product's matrix does not fit", name,
        fmt::format("give one of {} columns on a GPU, whose rows lie together and begin at 16 bytes", columns));
}

ProductLaunch launch_of(const Product& p) {
  const std::int64_t k = p.weight.size(1), n = p.weight.size(0);
  require_matrix(p.x, "x", k);
  require_matrix(p.weight, "weight", k);
  require_matrix(p.out, "out", n);
  if (n % 8 != 0 || p.out.numel() > std::numeric_limits<std::int32_t>::max() || !p.out.is_contiguous())
    throw UsageError("a product's shape does not fit", fmt::format("({}, {})", p.out.size(0), n),
                     "columns are a multiple of 8, numbers fewer than 2^31, rows of the output neighbours");
  const bool adds = p.epilogue == Epilogue::gated_residual, routed = adds && p.rows.defined();
  if (adds) require_matrix(p.gate, "gate", n);
  if ((routed ? p.rows.numel() : p.out.size(0)) < p.x.size(0))
    throw UsageError("a product has fewer places than rows", fmt::format("{} of x", p.x.size(0)),
                     "give each row its place");
  return {.number = p.x.scalar_type() == torch::kFloat16 ? Number::float16 : Number::bfloat16,
          .epilogue = p.epilogue,
          .x = p.x.const_data_ptr(),
          .weight = p.weight.const_data_ptr(),
          .bias = p.bias.const_data_ptr(),
          .out = p.out.mutable_data_ptr(),
          .m = static_cast<int>(p.x.size(0)),
          .n = static_cast<int>(n),
          .k = static_cast<int>(k),
          .x_stride = p.x.stride(0),
          .weight_stride = p.weight.stride(0),
          .count = p.count.defined() ? p.count.const_data_ptr<int>() : nullptr,
          .rows = routed ? p.rows.const_data_ptr<int>() : nullptr,
          .gate = adds ? p.gate.const_data_ptr() : nullptr,
          .gate_stride = adds ? p.gate.stride(0) : 0,
          .tokens = static_cast<int>(adds ? p.tokens : 1),
          .second = nullptr,
          .second_bias = nullptr,
          .out_stride = 0,
          .out_rows = static_cast<int>(p.out.size(0)),
          .backwards = p.backwards};
}

std::string key_of(const Product& p) {
  constexpr const char* ends[] = {"bias", "gelu", "gated residual", "logits"};
  // A library's way is one of a type, and of rows that lie so far apart.
  return fmt::format("{} {}x{}x{} {}{} {} {} {}", torch::toString(p.x.scalar_type()), p.x.size(0), p.weight.size(0),
                     p.x.size(1), ends[static_cast<int>(p.epilogue)], p.count.defined() ? ", counted" : "",
                     p.x.stride(0), p.weight.stride(0), p.out.stride(0));
}

}  // namespace

std::vector<Way> ways(const Product& p) {
  launch_of(p);
  std::vector<Way> all;
  for (std::size_t i = 0; i < tiles().size(); ++i) {
    if (p.epilogue == Epilogue::gated_residual && !tiles()[i].adds) continue;
    all.push_back({fmt::format("tiles of {}x{} by {}", tiles()[i].rows, tiles()[i].columns, tiles()[i].cluster),
                   [i](const Product& of) { launch(launch_of(of), i, at::cuda::getCurrentCUDAStream()); }});
  }
  for (std::size_t i = 0; i < splits().size() && p.x.size(0) <= few_rows; ++i)
    all.push_back({fmt::format("tiles of {}x{}, K in {}", splits()[i].rows, splits()[i].columns, splits()[i].parts),
                   [i](const Product& of) { launch_split(launch_of(of), i, at::cuda::getCurrentCUDAStream()); }});
  for (Way& way : library_ways(p)) all.push_back(std::move(way));
  return all;
}

Tensor plain::product(const Product& p) {
  Tensor y = torch::addmm(p.bias.to(torch::kFloat32), p.x.to(torch::kFloat32), p.weight.to(torch::kFloat32).t());
  if (p.epilogue == Epilogue::gelu) y = torch::gelu(y, "tanh");
  if (p.epilogue != Epilogue::gated_residual) return y.to(p.out.scalar_type());
  const std::int64_t count = p.count.defined() ? p.count.item<int>() : p.x.size(0);
  const Tensor rows = p.rows.defined() ? p.rows.narrow(0, 0, count).to(torch::kInt64)
                                       : torch::arange(count, p.x.options().dtype(torch::kInt64));
  const Tensor gates = p.gate.to(torch::kFloat32).index_select(0, rows.div(p.tokens, "floor"));
  return p.out.to(torch::kFloat32).index_add(0, rows, gates * y.narrow(0, 0, count)).to(p.out.scalar_type());
}

static std::vector<Trial> trials_of(const std::vector<Way>& ways, const Product& p) {
  Product trial = p;
  if (p.epilogue == Epilogue::gated_residual) trial.out = p.out.clone();  // what is added to stays as it is
  std::vector<Trial> trials;
  for (const Way& way : ways) trials.push_back({way.name, [&way, trial] { way.run(trial); }, way.of_library});
  return trials;
}

std::vector<Timed> measure(const std::vector<Way>& ways, const Product& p) {
  return measure(trials_of(ways, p), p.x.device());
}

void Products::run(const Product& p) {
  const std::string key = key_of(p);
  auto found = fastest_.find(key);
  if (found == fastest_.end()) {
    const std::vector<Way> all = ways(p);
    found = fastest_.emplace(key, all[fastest(trials_of(all, p), p.x.device())]).first;
  }
  found->second.run(p);
}

}  // namespace dydit::gpu
