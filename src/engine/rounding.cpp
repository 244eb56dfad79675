// SPDX-License-Identifier: Apache-2.0
#include "engine/rounding.h"

#include <torch/torch.h>

#include <limits>

#include "base/error.h"

namespace dydit::engine {

using torch::Tensor;

void require_fit(const RoundUp& round_up, const std::vector<model::UnitAxis>& units) {
  if (round_up.empty()) return;
  bool fits = round_up.size() == units.size();
  for (std::size_t axis = 0; fits && axis < units.size(); ++axis) {
    const auto& to = round_up[axis];
    if (to.empty()) continue;
    fits = static_cast<std::int64_t>(to.size()) == units[axis].units + 1 && to.front() == 0;
    for (std::size_t on = 0; fits && on < to.size(); ++on) {
      const auto top = to[on];
      fits =
          top >= static_cast<std::int64_t>(on) && top <= units[axis].units && to[static_cast<std::size_t>(top)] == top;
    }
  }
  if (!fits) throw UsageError("numbers of units to round up to are of another model", "round to tiles");
}

Tensor rounded_up(const Tensor& mask, const Tensor& logits, const std::vector<std::int64_t>& to) {
  if (to.empty()) return mask;
  const Tensor wanted = torch::tensor(to, torch::kInt64).to(mask.device()).index({mask.sum(2)});
  Tensor order = logits.defined() ? logits.to(torch::kFloat32)
                                  : -torch::arange(mask.size(2), mask.options().dtype(torch::kFloat32)).expand_as(mask);
  // What no router decides about is on, and comes first as all that is on.
  if (order.size(2) < mask.size(2)) order = torch::constant_pad_nd(order, {mask.size(2) - order.size(2), 0});
  order = order.masked_fill(mask, std::numeric_limits<float>::infinity());
  const Tensor places = order.argsort(/*stable=*/true, /*dim=*/2, /*descending=*/true)
                            .argsort(/*stable=*/true, /*dim=*/2, /*descending=*/false);
  return places < wanted.unsqueeze(2);
}

}  // namespace dydit::engine
