// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "data/dataset.h"

namespace dydit::data {

/// Copies a latent of `shape`, mirrored left-right for `flip`. Throws InputError naming the sample when
/// a value is not finite.
void copy_latent(std::span<const float> latent, const Shape& shape, bool flip, const std::string& name,
                 std::span<float> out);

}  // namespace dydit::data
