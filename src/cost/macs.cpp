// SPDX-License-Identifier: Apache-2.0
#include "cost/macs.h"

namespace dydit::cost {

constexpr std::int64_t sinusoids = 256;

// Of one block.
static std::int64_t attention_of(const model::Configuration& c) {
  const auto t = c.tokens(), d = c.hidden_size;
  return 4 * t * d * d + 2 * t * t * d;
}
static std::int64_t mlp_of(const model::Configuration& c) {
  return 2 * c.tokens() * c.hidden_size * c.mlp_hidden();
}
static std::int64_t routers_of(const model::Configuration& c) {
  const auto d = c.hidden_size, inner = c.token_router_width();
  return c.dynamic ? 2 * d * (c.num_heads - 1) + c.tokens() * (d * inner + inner) : 0;
}

Macs macs_of(const model::Configuration& c) {
  const auto t = c.tokens(), d = c.hidden_size;
  const auto patch = c.patch_size * c.patch_size;
  return {.patch = t * d * patch * c.in_channels,
          .conditioning = sinusoids * d + d * d,
          .adaln = c.depth * 6 * d * d,
          .attention = c.depth * attention_of(c),
          .mlp = c.depth * mlp_of(c),
          .final = 2 * d * d + t * d * patch * c.out_channels(),
          .routers = c.depth * routers_of(c)};
}

Activity complete(const model::Configuration& c) {
  const auto units = static_cast<double>(c.num_heads), tokens = static_cast<double>(c.tokens());
  return {std::vector<Activity::Layer>(static_cast<std::size_t>(c.depth), {units, units, tokens, units * tokens})};
}

ExecutedMacs executed(const model::Configuration& c, const Activity& activity) {
  const Macs whole = macs_of(c);
  const auto units = static_cast<double>(c.num_heads), tokens = static_cast<double>(c.tokens());
  ExecutedMacs macs;
  for (const Activity::Layer& layer : activity.layers) {
    macs.attention += layer.heads / units * static_cast<double>(attention_of(c));
    macs.mlp += layer.group_tokens / (units * tokens) * static_cast<double>(mlp_of(c));
  }
  macs.routers = static_cast<double>(whole.routers);
  macs.total = static_cast<double>(whole.total() - whole.attention - whole.mlp) + macs.attention + macs.mlp;
  return macs;
}

double lambda_realised(const model::Configuration& c, const Activity& activity) {
  const ExecutedMacs macs = executed(c, activity);
  return (macs.attention + macs.mlp) / static_cast<double>(c.depth * (attention_of(c) + mlp_of(c)));
}

Rho rho(const model::Configuration& c, const Activity& activity) {
  const ExecutedMacs macs = executed(c, activity);
  const auto dense = static_cast<double>(macs_of(c).total());
  return {.with_routers = (macs.total + macs.routers) / dense, .without_routers = macs.total / dense};
}

static std::int64_t linear(std::int64_t in, std::int64_t out) { return in * out + out; }

ParameterCount parameters_of(const model::Configuration& c) {
  const auto d = c.hidden_size, hidden = c.mlp_hidden();
  const auto patch = c.patch_size * c.patch_size;
  auto block = linear(d, 3 * d) + linear(d, d) + linear(d, hidden) + linear(hidden, d) + linear(d, 6 * d);
  if (c.dynamic)
    block += 2 * linear(d, c.num_heads - 1) + linear(d, c.token_router_width()) + linear(c.token_router_width(), 1);
  const auto trainable = linear(patch * c.in_channels, d) + linear(sinusoids, d) + linear(d, d) +
                         (c.num_classes + 1) * d + c.depth * block + linear(d, 2 * d) +
                         linear(d, patch * c.out_channels());
  return {.total = trainable + c.tokens() * d, .trainable = trainable};
}

}  // namespace dydit::cost
