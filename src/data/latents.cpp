// SPDX-License-Identifier: Apache-2.0
#include "latents.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dydit::data {

void copy_latent(std::span<const float> latent, const Shape& shape, bool flip, const std::string& name,
                 std::span<float> out) {
  if (!std::ranges::all_of(latent, [](float value) { return std::isfinite(value); }))
    throw InputError("broken latent", name, "it has values that are not finite");
  std::ranges::copy(latent, out.begin());
  if (!flip) return;
  const auto width = static_cast<std::size_t>(shape.width);
  for (std::size_t row = 0; row < latent.size(); row += width) std::ranges::reverse(out.subspan(row, width));
}

}  // namespace dydit::data
