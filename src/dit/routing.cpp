// SPDX-License-Identifier: Apache-2.0
#include "routing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"
#include "base/range.h"
#include "model/finite.h"

namespace dydit::dit {

using torch::Tensor;

void require_routers(const Configuration& c) {
  if (!c.dynamic) throw UsageError("the model has no routers", c.name, "take a DyDiT");
}

Tensor decided(const Tensor& logits, std::size_t, std::size_t) { return torch::sigmoid(logits) > 0.5; }

// What a width router decides (N,R) -> all units (N,H): those it does not decide about are on.
static Tensor all_units(const Tensor& mask, const Configuration& c) {
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

Widths widths_of(const DiT& dit, const Tensor& time, const Masks& imposed, Overruled routers, const Decide& decide) {
  const Range range("routers");
  Widths widths{.masks = {imposed[axis::heads], imposed[axis::channels], Tensor()}, .logits = Masks(3)};
  const std::pair<std::size_t, WidthRouter BlockImpl::*> of_axes[] = {{axis::heads, &BlockImpl::attn_rate},
                                                                      {axis::channels, &BlockImpl::mlp_rate}};
  for (const auto& [axis, router] : of_axes) {
    Tensor& mask = widths.masks[axis];
    if (mask.defined() && routers == Overruled::skipped) continue;
    std::vector<Tensor> values, on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
      values.push_back((dit->block(layer).*router)(time));
      on.push_back(all_units(decide(values.back(), axis, layer), dit->configuration));
    }
    if (!mask.defined()) mask = stacked(on);
    widths.logits[axis] = stacked(values);
  }
  return widths;
}

Tensor tokens_of(BlockImpl& block, std::size_t layer, const Tensor& x, const Tensor& imposed, Overruled routers,
                 std::vector<Tensor>& logits, const Decide& decide) {
  const Tensor given = layer_of(imposed, layer);
  if (given.defined() && routers == Overruled::skipped) return given;
  logits.push_back(block.token_selection(x));
  const Tensor decision = decide(logits.back(), axis::tokens, layer);
  return given.defined() ? given : decision;
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
  return {together(&PartialOutcome::output), together(&PartialOutcome::tokens),
          together(&PartialOutcome::token_logits)};
}

// Each number of rows makes oneDNN compile a kernel of its own, which takes half as long as the product itself, so
// only some numbers are used: at most 64 between a power of two and the next.
static std::int64_t rounded_up(std::int64_t rows) {
  const auto step =
      static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(rows / 64, 1))));
  return (rows + step - 1) / step * step;
}

static Tensor rows_of(const Tensor& mask) {
  if (!mask.is_cpu()) return mask.flatten().nonzero().squeeze(1);
  const Tensor whole = mask.contiguous();
  const bool* const on = whole.const_data_ptr<bool>();
  const std::int64_t count = std::count(on, on + whole.numel(), true);
  const Tensor rows = torch::empty({count}, torch::kInt64);
  // Written whether it is on or not, since half of the branches would be foreseen wrongly; the last one never beyond.
  std::int64_t* row = rows.data_ptr<std::int64_t>();
  std::int64_t* const end = row + count;
  for (std::int64_t i = 0; row < end; ++i) {
    *row = i;
    row += on[i] ? 1 : 0;
  }
  return rows;
}

Routed routed_of(const Tensor& mask) {
  const Range range("compaction");
  const Tensor rows = rows_of(mask);
  return {.rows = rows, .height = rounded_up(rows.numel())};
}

}  // namespace dydit::dit
