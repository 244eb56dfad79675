// SPDX-License-Identifier: Apache-2.0
#include "train/baseline_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "cost/cost.h"
#include "diffusion/draws.h"

namespace dydit::train {

using model::Architecture;
using model::Scope;
using model::UnitAxis;
using torch::Tensor;

namespace {

// Shares of the blocks' MACs: of terms that widths alone shrink, tokens alone, or both.
struct Shrinks {
  double widths = 0, tokens = 0, both = 0;
};

Shrinks shrinks_of(const Architecture& architecture) {
  Shrinks shrinks;
  double whole = 0;
  for (const model::Term& term : architecture.skippable) {
    const auto by = [&](Scope scope) {
      return std::ranges::any_of(term.axes, [&](std::size_t axis) { return architecture.units[axis].scope == scope; });
    };
    (by(Scope::timestep) && by(Scope::token) ? shrinks.both
     : by(Scope::token)                      ? shrinks.tokens
                                             : shrinks.widths) += term.macs;
    whole += term.macs;
  }
  return {shrinks.widths / whole, shrinks.tokens / whole, shrinks.both / whole};
}

// `total` units over the layers, in numbers that differ by one at most.
std::vector<std::int64_t> spread(std::int64_t total, std::int64_t layers) {
  std::vector<std::int64_t> counts;
  for (std::int64_t layer = 0; layer < layers; ++layer)
    counts.push_back((layer + 1) * total / layers - layer * total / layers);
  return counts;
}

// The least number of units, one a layer at least, that is `share` of all.
std::int64_t units_of(double share, const UnitAxis& axis) {
  constexpr double rounding = 1e-9;
  const std::int64_t most = axis.layers * axis.units;
  return std::clamp(static_cast<std::int64_t>(std::ceil(share * static_cast<double>(most) - rounding)), axis.layers,
                    most);
}

// (N,layers,units): the first units.
Tensor prefix(const std::vector<std::int64_t>& counts, const UnitAxis& axis, std::int64_t images) {
  const Tensor units = torch::arange(axis.units, torch::kInt64);
  const Tensor mask = units.unsqueeze(0) < torch::tensor(counts, torch::kInt64).unsqueeze(1);
  return mask.unsqueeze(0).expand({images, axis.layers, axis.units});
}

// Shares of units and tokens that are on, so that the share of the MACs is `target`.
struct Chances {
  double widths = 1, tokens = 1;
};

Chances chances_of(const DynamicOptions& o, const Architecture& architecture, double target) {
  const auto [a, b, m] = shrinks_of(architecture);
  if (o.skip == "widths") return {.widths = (target - b) / (a + m)};
  if (o.skip == "tokens") return {.tokens = (target - a) / (b + m)};
  const double alone = a + b,
               both = (std::sqrt(alone * alone + 4 * m * target) - alone) / (2 * m);  // alone s + m s^2 = target
  return {.widths = both, .tokens = both};
}

bool may_skip(const DynamicOptions& o, Scope scope) {
  return o.skip != (scope == Scope::timestep ? "tokens" : "widths");
}

}  // namespace

void require_reachable(const DynamicOptions& o, const Architecture& architecture) {
  if (!architecture.dynamic())
    throw UsageError("a model without routers learns no share of its MACs", architecture.name, "take a DyDiT");
  auto on = complete(architecture.units).on;
  for (std::size_t axis = 0; axis < on.size(); ++axis)
    if (const UnitAxis& of = architecture.units[axis]; may_skip(o, of.scope))
      std::ranges::fill(on[axis], static_cast<double>(of.units - of.routed()));
  if (const double share = cost::lambda_realised(architecture, model::Activity::of_one(std::move(on)));
      o.lambda < share)
    throw UsageError("lambda is out of reach", fmt::format("{}", o.lambda),
                     fmt::format("skipping {}, the model keeps {:.3f} at least", o.skip, share));
}

std::vector<std::vector<std::int64_t>> static_widths(const Architecture& architecture, double lambda) {
  std::vector<std::vector<std::int64_t>> counts;
  double kept = lambda, left = 0;  // of the blocks' MACs that are still to be shared out
  for (const model::Term& term : architecture.skippable) left += term.macs;
  kept *= left;
  // Each axis in turn: what rounding adds to one is taken from the next.
  for (const model::Term& term : architecture.skippable) {
    const UnitAxis& axis = architecture.units[term.axes.front()];
    const std::int64_t units = units_of(kept / left, axis);
    counts.push_back(spread(units, axis.layers));
    kept -= term.macs * static_cast<double>(units) / static_cast<double>(axis.layers * axis.units);
    left -= term.macs;
  }
  return counts;
}

engine::Masks masks_instead_of_routers(const DynamicOptions& o, const Architecture& architecture, double target,
                                       std::uint64_t seed, std::span<const std::int64_t> images,
                                       std::span<const std::int64_t> draws) {
  const auto n = static_cast<std::int64_t>(images.size());
  engine::Masks masks;
  std::int64_t units_of_layer = 0;
  for (const UnitAxis& axis : architecture.units) {
    masks.push_back(
        may_skip(o, axis.scope) ? Tensor() : torch::ones({1, 1, 1}, torch::kBool).expand({n, axis.layers, axis.units}));
    units_of_layer += axis.units;
  }
  if (o.decide == "static") {
    const auto counts = static_widths(architecture, o.lambda);
    for (std::size_t axis = 0; axis < counts.size(); ++axis)
      masks[axis] = prefix(counts[axis], architecture.units[axis], n);
  }
  if (o.decide != "chance") return masks;
  const auto [widths, tokens] = chances_of(o, architecture, target);
  const Tensor drawn =
      diffusion::logistic_rows(seed, Purpose::mask, images, draws, {architecture.depth, units_of_layer});
  std::int64_t first = 0;
  for (std::size_t i = 0; i < masks.size(); first += architecture.units[i++].units) {
    if (masks[i].defined()) continue;
    const UnitAxis& axis = architecture.units[i];
    const auto all = static_cast<double>(axis.units), decided = static_cast<double>(axis.routed());
    const double chance = axis.scope == Scope::timestep ? widths : tokens;
    const double p =
        std::clamp((chance * all - (all - decided)) / decided, 0.0, 1.0);   // beside the unit that is always on
    masks[i] = drawn.narrow(2, first, axis.units) < std::log(p / (1 - p));  // of a uniform variable, its logit
    if (axis.first_on) masks[i].select(2, 0).fill_(true);
  }
  return masks;
}

}  // namespace dydit::train
