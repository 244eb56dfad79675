// SPDX-License-Identifier: Apache-2.0
#include "routing.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "model/finite.h"

namespace dydit::dit {

using torch::Tensor;

void require_routers(const Configuration& c) {
  if (!c.dynamic) throw UsageError("the model has no routers", c.name, "take a DyDiT");
}

// On where sigmoid(logit) > 0.5, strictly.
static Tensor decide(const Tensor& logits) {
  return torch::sigmoid(logits) > 0.5;
}

Tensor all_units(const Tensor& mask, const Configuration& c) {
  if (!c.first_unit_always_on) return mask;
  return torch::cat({torch::ones({mask.size(0), 1}, mask.options()), mask}, 1);
}

void require_finite(const Masks& logits) {
  constexpr std::array<const char*, 3> routers{"attn_rate", "mlp_rate", "token_selection"};
  const auto found = model::not_finite(logits);
  if (found.empty()) return;
  const std::size_t block = model::not_finite(logits[found.front()].unbind(1)).front();
  throw NotFinite("a router's logits are not finite", fmt::format("blocks.{}.{}", block, routers.at(found.front())),
                  model::not_finite_reason);
}

void require_finite(const Outcome& outcome) {
  require_finite(outcome.logits);
  model::require_finite_output(outcome.output);
}

Tensor layer_of(const Tensor& mask, std::size_t layer) {
  return mask.defined() ? mask.select(1, static_cast<std::int64_t>(layer)) : Tensor();
}

Tensor stacked(const std::vector<Tensor>& layers) {
  return layers.empty() || !layers.front().defined() ? Tensor() : torch::stack(layers, 1);
}

Widths widths_of(const DiT& dit, const Tensor& time, const Masks& imposed, Overruled routers) {
  Widths widths{.masks = {imposed[axis::heads], imposed[axis::channels], Tensor()}, .logits = Masks(3)};
  const auto route = [&](Tensor& mask, Tensor& logits, WidthRouter BlockImpl::*router) {
    if (mask.defined() && routers == Overruled::skipped) return;
    std::vector<Tensor> values, on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
      values.push_back((dit->block(layer).*router)(time));
      on.push_back(all_units(decide(values.back()), dit->configuration));
    }
    if (!mask.defined()) mask = stacked(on);
    logits = stacked(values);
  };
  route(widths.masks[axis::heads], widths.logits[axis::heads], &BlockImpl::attn_rate);
  route(widths.masks[axis::channels], widths.logits[axis::channels], &BlockImpl::mlp_rate);
  return widths;
}

Tensor tokens_of(BlockImpl& block, const Tensor& x, const Tensor& imposed, Overruled routers,
                 std::vector<Tensor>& logits) {
  if (imposed.defined() && routers == Overruled::skipped) return imposed;
  logits.push_back(block.token_selection(x));
  const Tensor decision = decide(logits.back());
  return imposed.defined() ? imposed : decision;
}

PartialOutcome in_shares(std::int64_t images, torch::Device device,
                         const std::function<PartialOutcome(const model::Share&)>& pass) {
  const auto shares = model::shares_of(images, device);
  std::vector<PartialOutcome> parts(shares.size());
  model::in_shares(shares, [&](const model::Share& share) { parts[share.number] = pass(share); });
  if (parts.size() == 1) return parts.front();
  const auto together = [&](Tensor PartialOutcome::*of) {
    if (!(parts.front().*of).defined()) return Tensor();
    std::vector<Tensor> all;
    for (const PartialOutcome& part : parts) all.push_back(part.*of);
    return torch::cat(all);
  };
  return {together(&PartialOutcome::output), together(&PartialOutcome::tokens), together(&PartialOutcome::token_logits)};
}

}  // namespace dydit::dit
