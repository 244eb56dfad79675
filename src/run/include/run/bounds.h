// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "base/bounds.h"

/// What the numbers of a profile may be, in its file and on the command line; those of models, timesteps, trainings and
/// sweeps are in their rooms. `size` is that of data::open_dataset.
namespace dydit::run::bounds {

inline constexpr Bounds<std::uint64_t> seed{0, std::numeric_limits<std::uint64_t>::max()};
inline constexpr Bounds<std::int64_t> size{1, 16'384};
inline constexpr Bounds<double> grain{0, 255};

}  // namespace dydit::run::bounds
