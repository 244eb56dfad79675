// SPDX-License-Identifier: Apache-2.0
// Random tensors whose row for an image is a pure function of (seed, purpose, image, draw).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "base/random.h"

namespace dydit::diffusion {

/// Standard normal noise (N, shape...) on the CPU: row i for (images[i], draws[i]).
torch::Tensor normal_rows(std::uint64_t seed, Purpose purpose, std::span<const std::int64_t> images,
                          std::span<const std::int64_t> draws, at::IntArrayRef shape);

/// Differences of two Gumbel variables, which are logistic ones (N, shape...), alike.
torch::Tensor logistic_rows(std::uint64_t seed, Purpose purpose, std::span<const std::int64_t> images,
                            std::span<const std::int64_t> draws, at::IntArrayRef shape);

}  // namespace dydit::diffusion
