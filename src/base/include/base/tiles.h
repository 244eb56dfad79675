// SPDX-License-Identifier: Apache-2.0
// Work that comes in tiles: up to which number of units more cost no time.
#pragma once

#include <cstddef>
#include <vector>

namespace dydit {

/// By how much of its time a number of units may be cheaper than the top of its tile: what times of a block tell.
inline constexpr double tile_tolerance = 0.01;

/// Of ascending numbers of units whose work takes so many seconds, for each the place of the last one of its tile. From
/// the largest number down, a number is of a tile while the tile's top takes at most 1 + tolerance times as long. A
/// number that takes longer than a larger one takes what that does, as units can be on in vain. So no number's top
/// takes longer than 1 + tolerance times what that number does, and tops are their own.
std::vector<std::size_t> tile_tops(const std::vector<double>& seconds, double tolerance = tile_tolerance);

}  // namespace dydit
