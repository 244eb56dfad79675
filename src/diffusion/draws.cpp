// SPDX-License-Identifier: Apache-2.0
#include "diffusion/draws.h"

#include <ATen/Parallel.h>

namespace dydit::diffusion {

using torch::Tensor;

template <typename Fill>
static Tensor rows(std::uint64_t seed, Purpose purpose, std::span<const std::int64_t> images,
                   std::span<const std::int64_t> draws, at::IntArrayRef shape, const Fill& fill) {
  std::vector<std::int64_t> sizes{static_cast<std::int64_t>(images.size())};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  Tensor out = torch::empty(sizes, torch::kFloat32);
  if (out.numel() == 0) return out;
  const auto row = static_cast<std::size_t>(out.stride(0));
  float* data = out.data_ptr<float>();
  at::parallel_for(0, sizes[0], 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      fill(Random(seed, purpose, static_cast<std::uint64_t>(images[i]), static_cast<std::uint64_t>(draws[i])),
           std::span<float>(data + i * row, row));
  });
  return out;
}

Tensor normal_rows(std::uint64_t seed, Purpose purpose, std::span<const std::int64_t> images,
                   std::span<const std::int64_t> draws, at::IntArrayRef shape) {
  return rows(seed, purpose, images, draws, shape,
              [](Random random, std::span<float> row) { random.fill_normal(row); });
}

Tensor logistic_rows(std::uint64_t seed, Purpose purpose, std::span<const std::int64_t> images,
                     std::span<const std::int64_t> draws, at::IntArrayRef shape) {
  return torch::logit(rows(seed, purpose, images, draws, shape, [](Random random, std::span<float> row) {
    random.fill_uniform(row, 0x1p-25F, 1 - 0x1p-24F);  // without the ends, whose logits are infinite
  }));
}

}  // namespace dydit::diffusion
