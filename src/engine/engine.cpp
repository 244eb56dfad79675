// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "model/finite.h"
#include "routing.h"

namespace dydit::engine {

using torch::Tensor;

void require_routers(const model::Configuration& c) {
  if (!c.dynamic) throw UsageError("the model has no routers", c.name, "take a DyDiT");
}

void require_fit(const Masks& imposed, const model::Configuration& c, std::int64_t images) {
  const auto require = [&](const char* name, const Tensor& mask, std::int64_t units, bool first_is_on) {
    if (!mask.defined()) return;
    if (mask.scalar_type() != torch::kBool || mask.sizes() != torch::IntArrayRef({images, c.depth, units}))
      throw UsageError("an imposed mask does not fit the model", name,
                       fmt::format("give bool of shape ({}, {}, {})", images, c.depth, units));
    if (first_is_on && !mask.select(2, 0).all().item<bool>())
      throw UsageError("an imposed mask switches unit 0 off", name, "it is always on");
  };
  require("heads", imposed.heads, c.num_heads, c.first_unit_always_on);
  require("channels", imposed.channels, c.num_heads, c.first_unit_always_on);
  require("tokens", imposed.tokens, c.tokens(), false);
}

// On where sigmoid(logit) > 0.5, strictly.
static Tensor decide(const Tensor& logits) {
  return torch::sigmoid(logits) > 0.5;
}

Tensor all_units(const Tensor& mask, const model::Configuration& c) {
  if (!c.first_unit_always_on) return mask;
  return torch::cat({torch::ones({mask.size(0), 1}, mask.options()), mask}, 1);
}

void require_finite(const Masks& logits) {
  constexpr std::array<const char*, 3> routers{"attn_rate", "mlp_rate", "token_selection"};
  const std::vector<Tensor> all{logits.heads, logits.channels, logits.tokens};
  const auto found = model::not_finite(all);
  if (found.empty()) return;
  const std::size_t block = model::not_finite(all[found.front()].unbind(1)).front();
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

Widths widths_of(const model::DiT& dit, const Tensor& time, const Masks& imposed, Overruled routers) {
  Widths widths{.masks = {imposed.heads, imposed.channels, {}}, .logits = {}};
  const auto route = [&](Tensor& mask, Tensor& logits, model::WidthRouter model::BlockImpl::*router) {
    if (mask.defined() && routers == Overruled::skipped) return;
    std::vector<Tensor> values, on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
      values.push_back((dit->block(layer).*router)(time));
      on.push_back(all_units(decide(values.back()), dit->configuration));
    }
    if (!mask.defined()) mask = stacked(on);
    logits = stacked(values);
  };
  route(widths.masks.heads, widths.logits.heads, &model::BlockImpl::attn_rate);
  route(widths.masks.channels, widths.logits.channels, &model::BlockImpl::mlp_rate);
  return widths;
}

Tensor tokens_of(model::BlockImpl& block, const Tensor& x, const Tensor& imposed, Overruled routers,
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

cost::Activity activity_of(const Masks& masks) {
  const Tensor heads = masks.heads.sum(2), groups = masks.channels.sum(2), tokens = masks.tokens.sum(2);  // (N,depth)
  const Tensor means = torch::stack({heads, groups, tokens, groups * tokens}, 2).to(torch::kFloat64).mean(0).cpu();
  const auto of = means.accessor<double, 2>();
  cost::Activity activity;
  for (std::int64_t layer = 0; layer < means.size(0); ++layer)
    activity.layers.push_back({of[layer][0], of[layer][1], of[layer][2], of[layer][3]});
  return activity;
}

Tensor shares_of(const Masks& masks, const model::Configuration& c) {
  const cost::Macs macs = cost::macs_of(c);
  const auto by_layer = [](const Tensor& mask) {  // (N,depth)
    return (mask.is_floating_point() ? mask : mask.to(torch::kFloat32)).mean(2);
  };
  const Tensor heads = by_layer(masks.heads), channels = by_layer(masks.channels), tokens = by_layer(masks.tokens);
  const Tensor kept = (heads * macs.attention + channels * tokens * macs.mlp) / (macs.attention + macs.mlp);
  return torch::stack({kept.mean(1), heads.mean(1), channels.mean(1), tokens.mean(1)}, 1);
}

std::unique_ptr<Engine> engine_named(const std::string& name, model::DiT dit, const CompactOptions& options) {
  if (name == "masked") return masked_engine(std::move(dit));
  if (name == "compact") return compact_engine(std::move(dit), options);
  throw UsageError("no such engine", name, "known are masked and compact");
}

}  // namespace dydit::engine
