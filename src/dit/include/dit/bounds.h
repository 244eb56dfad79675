// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/bounds.h"

/// What the dimensions of a model may be: so that no count of its parameters overflows.
namespace dydit::dit::bounds {

inline constexpr Bounds<std::int64_t> input_size{1, 8192}, patch_size{1, 8192}, in_channels{1, 1024},
    hidden_size{1, 65'536}, depth{1, 10'000}, num_heads{1, 65'536}, num_classes{1, 1'000'000};
inline constexpr Bounds<double> mlp_ratio{.least = 0, .most = 1000, .least_excluded = true};

}  // namespace dydit::dit::bounds
