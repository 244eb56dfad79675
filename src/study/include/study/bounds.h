// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/bounds.h"

/// What the numbers of studies and sweeps may be. A record holds a time for each pass of each block: so many blocks
/// that it can be read back. A study visits at most as many times as a diffusion has.
namespace dydit::study::bounds {

inline constexpr Bounds<double> time{0, 999};  // the process says which of them it has
inline constexpr Bounds<std::int64_t> times{1, 1000}, images{0, 1'000'000'000}, chunk{1, 1'000'000},
    draws{1, 1'000'000}, shown{1, 1000};
inline constexpr Bounds<double> keep{.least = 0, .most = 1, .least_excluded = true}, seconds{0, 3600};
inline constexpr Bounds<std::int64_t> batch{1, 1'000'000}, blocks{1, 1000};

}  // namespace dydit::study::bounds
