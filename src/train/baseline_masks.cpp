// SPDX-License-Identifier: Apache-2.0
#include "train/baseline_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "diffusion/draws.h"

namespace dydit::train {

using torch::Tensor;

namespace {

// Of the blocks' MACs.
double attention_share(const model::Configuration& c) {
  const cost::Macs macs = cost::macs_of(c);
  return macs.attention / (macs.attention + macs.mlp);
}

// `total` units over the layers, in numbers that differ by one at most.
std::vector<std::int64_t> spread(std::int64_t total, std::int64_t layers) {
  std::vector<std::int64_t> counts;
  for (std::int64_t layer = 0; layer < layers; ++layer)
    counts.push_back((layer + 1) * total / layers - layer * total / layers);
  return counts;
}

// The least number of units, one a layer at least, that is `share` of all.
std::int64_t units_of(double share, const model::Configuration& c) {
  constexpr double rounding = 1e-9;
  const auto most = static_cast<double>(c.depth * c.num_heads);
  return std::clamp(static_cast<std::int64_t>(std::ceil(share * most - rounding)), c.depth,
                    c.depth * c.num_heads);
}

// (N,depth,H): the first units.
Tensor prefix(const std::vector<std::int64_t>& counts, const model::Configuration& c, std::int64_t images) {
  const Tensor units = torch::arange(c.num_heads, torch::kInt64);
  const Tensor mask = units.unsqueeze(0) < torch::tensor(counts, torch::kInt64).unsqueeze(1);
  return mask.unsqueeze(0).expand({images, c.depth, c.num_heads});
}

// Shares of units and tokens that are on.
struct Chances {
  double widths = 1, tokens = 1;
};

Chances chances_of(const DynamicOptions& o, const model::Configuration& c, double target) {
  const double a = attention_share(c), m = 1 - a;
  if (o.skip == "widths") return {.widths = target};
  if (o.skip == "tokens") return {.tokens = (target - a) / m};
  const double both = (std::sqrt(a * a + 4 * m * target) - a) / (2 * m);  // a s + m s^2 = target
  return {.widths = both, .tokens = both};
}

}  // namespace

void require_reachable(const DynamicOptions& o, const model::Configuration& c) {
  if (!c.dynamic)
    throw UsageError("a model without routers learns no share of its MACs", c.name, "take a DyDiT");
  cost::Activity least = cost::complete(c);
  for (cost::Activity::Layer& layer : least.layers) {
    if (o.skip != "tokens") layer.heads = layer.groups = c.first_unit_always_on ? 1 : 0;
    if (o.skip != "widths") layer.tokens = 0;
    layer.group_tokens = layer.groups * layer.tokens;
  }
  if (const double share = cost::lambda_realised(c, least); o.lambda < share)
    throw UsageError("lambda is out of reach", fmt::format("{}", o.lambda),
                     fmt::format("skipping {}, the model keeps {:.3f} at least", o.skip, share));
}

StaticWidths static_widths(const model::Configuration& c, double lambda) {
  const std::int64_t heads = units_of(lambda, c);
  const auto share = [&](std::int64_t units) {
    return static_cast<double>(units) / static_cast<double>(c.depth * c.num_heads);
  };
  const double a = attention_share(c);
  const std::int64_t groups = units_of((lambda - a * share(heads)) / (1 - a), c);
  return {spread(heads, c.depth), spread(groups, c.depth)};
}

engine::Masks masks_instead_of_routers(const DynamicOptions& o, const model::Configuration& c, double target,
                                       std::uint64_t seed, std::span<const std::int64_t> images,
                                       std::span<const std::int64_t> draws) {
  const auto n = static_cast<std::int64_t>(images.size());
  const auto all = [&](std::int64_t units) {
    return torch::ones({1, 1, 1}, torch::kBool).expand({n, c.depth, units});
  };
  engine::Masks masks;
  if (o.skip == "tokens") masks.heads = masks.channels = all(c.num_heads);
  if (o.skip == "widths") masks.tokens = all(c.tokens());
  if (o.decide == "static") {
    const StaticWidths widths = static_widths(c, o.lambda);
    masks.heads = prefix(widths.heads, c, n);
    masks.channels = prefix(widths.groups, c, n);
  }
  if (o.decide == "chance") {
    const auto [widths, tokens] = chances_of(o, c, target);
    const Tensor drawn =
        diffusion::logistic_rows(seed, Purpose::mask, images, draws, {c.depth, 2 * c.num_heads + c.tokens()});
    const auto on = [&](std::int64_t first, std::int64_t count, double chance) {
      const double p = std::clamp(chance, 0.0, 1.0);
      return drawn.narrow(2, first, count) < std::log(p / (1 - p));  // of a uniform variable, its logit
    };
    const auto units = [&](std::int64_t first) {
      if (!c.first_unit_always_on) return on(first, c.num_heads, widths);
      const auto h = static_cast<double>(c.num_heads);
      Tensor mask = on(first, c.num_heads, (widths * h - 1) / (h - 1));  // beside the unit that is always on
      mask.select(2, 0).fill_(true);
      return mask;
    };
    if (!masks.heads.defined()) masks.heads = units(0), masks.channels = units(c.num_heads);
    if (!masks.tokens.defined()) masks.tokens = on(2 * c.num_heads, c.tokens(), tokens);
  }
  return masks;
}

}  // namespace dydit::train
