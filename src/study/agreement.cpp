// SPDX-License-Identifier: Apache-2.0
#include "agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dydit::study {

using torch::Tensor;

// (N) float64
static Tensor norms(const Tensor& x) { return x.flatten(1).norm(2, 1); }

double tolerance_of(torch::Dtype dtype, std::int64_t depth) {
  const double epsilon = dtype == torch::kFloat32 ? 0x1p-23 : dtype == torch::kBFloat16 ? 0x1p-7 : 0x1p-10;  // float16
  return 4 * epsilon * std::sqrt(2 * static_cast<double>(depth));
}

void require_agreement(const Tensor& output, const Tensor& reference, double tolerance) {
  if (output.sizes() != reference.sizes()) throw RunError("the output has another shape than the masked engine's");
  const Tensor exact = reference.to(torch::kFloat64);
  const Tensor difference = norms(output.to(torch::kFloat64) - exact), norm = norms(exact);
  if ((difference <= tolerance * norm).all().item<bool>()) return;
  const double share = (difference / norm.clamp_min(1e-300)).max().item<double>();
  throw RunError("the output differs from the masked engine's under the same masks",
                 std::isnan(share)
                     ? std::string("it is not a number")
                     : fmt::format("by {:.3g} of its norm, where rounding explains {:.3g}", share, tolerance));
}

void require_same_decisions(const engine::Masks& masks, const engine::Masks& reference,
                            const std::vector<model::UnitAxis>& units) {
  for (std::size_t axis = 0; axis < units.size(); ++axis) {
    const Tensor differ = (masks[axis] != reference[axis]).flatten(1);
    // One of a hundred, and by how much more an image's number of them strays by chance: four standard deviations.
    const double expected = 0.01 * static_cast<double>(differ.size(1));
    const double most = std::max(1.0, std::floor(expected + 4 * std::sqrt(expected)));
    const auto worst = static_cast<double>(differ.sum(1).max().item<std::int64_t>());
    if (worst > most)
      throw RunError(
          fmt::format("decides otherwise than the masked engine over {}", units[axis].label),
          fmt::format("{} of {} decisions differ, where rounding explains {:.0f}", worst, differ.size(1), most));
  }
}

}  // namespace dydit::study
