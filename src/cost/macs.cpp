// SPDX-License-Identifier: Apache-2.0
#include "cost/macs.h"

namespace dydit::cost {

constexpr std::int64_t sinusoids = 256;

Macs macs_of(const model::Configuration& c) {
  const auto t = c.tokens(), d = c.hidden_size, hidden = c.mlp_hidden();
  const auto patch = c.patch_size * c.patch_size;
  return {.patch = t * d * patch * c.in_channels,
          .conditioning = sinusoids * d + d * d,
          .adaln = c.depth * 6 * d * d,
          .attention = c.depth * (4 * t * d * d + 2 * t * t * d),
          .mlp = c.depth * 2 * t * d * hidden,
          .final = 2 * d * d + t * d * patch * c.out_channels()};
}

static std::int64_t linear(std::int64_t in, std::int64_t out) { return in * out + out; }

ParameterCount parameters_of(const model::Configuration& c) {
  const auto d = c.hidden_size, hidden = c.mlp_hidden();
  const auto patch = c.patch_size * c.patch_size;
  const auto block = linear(d, 3 * d) + linear(d, d) + linear(d, hidden) + linear(hidden, d) + linear(d, 6 * d);
  const auto trainable = linear(patch * c.in_channels, d) + linear(sinusoids, d) + linear(d, d) +
                         (c.num_classes + 1) * d + c.depth * block + linear(d, 2 * d) +
                         linear(d, patch * c.out_channels());
  return {.total = trainable + c.tokens() * d, .trainable = trainable};
}

}  // namespace dydit::cost
