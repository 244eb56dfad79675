// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

namespace dydit::cost {

static void add_linear(Part& part, double rows, double in, double out) {
  part.macs += rows * in * out;
  part.weights += in * out + out;
  part.activations += rows * (in + out);
}

std::vector<Part> parts_of(const model::Configuration& c, const Activity& activity) {
  constexpr double sinusoids = 256;
  const auto t = static_cast<double>(c.tokens()), d = static_cast<double>(c.hidden_size),
             hidden = static_cast<double>(c.mlp_hidden()), units = static_cast<double>(c.num_heads),
             inner = static_cast<double>(c.token_router_width());
  const auto pixels = static_cast<double>(c.patch_size * c.patch_size);
  Part patch{"patch"}, conditioning{"conditioning"}, adaln{"adaln"}, elementwise{"elementwise"}, qkv{"attention.qkv"},
      products{"attention.products"}, projection{"attention.projection"}, routers{"routers"}, fc1{"mlp.fc1"},
      fc2{"mlp.fc2"}, final{"final"};

  add_linear(patch, t, pixels * static_cast<double>(c.in_channels), d);
  patch.weights += t * d;  // position embedding
  add_linear(conditioning, 1, sinusoids, d);
  add_linear(conditioning, 1, d, d);
  conditioning.activations += 2 * d;              // the label's row, and its sum with the time
  elementwise.activations += 2 * t * d + 2 * d;  // the first norm; shift and scale of the final one
  for (const Activity::Layer& layer : activity.layers) {
    const double width = d * layer.heads / units;
    add_linear(adaln, 1, d, 6 * d);
    // Behind the attention x, y -> residual and the norm of its routed rows, behind the MLP the same with x and norm
    // of all rows and y of the routed ones, whose residual alone is written.
    elementwise.activations += 5 * t * d + 3 * layer.tokens * d + 3 * d;
    add_linear(qkv, t, d, 3 * width);
    products.macs += 2 * t * t * width;
    products.activations += 4 * t * width;
    add_linear(projection, t, width, d);
    if (c.dynamic) {
      for (int router = 0; router < 2; ++router) add_linear(routers, 1, d, units - 1);
      add_linear(routers, t, d, inner);
      add_linear(routers, t, inner, 1);
    }
    if (layer.tokens == 0) continue;
    const double channels = hidden * layer.groups / units, entries = hidden * layer.group_tokens / units;
    elementwise.activations += 3 * d;  // shift, scale and gate of the MLP
    for (Part* part : {&fc1, &fc2}) {
      part->macs += entries * d;
      part->activations += entries + layer.tokens * d;
    }
    fc1.weights += channels * d + channels;
    fc2.weights += channels * d + d;
  }
  add_linear(final, 1, d, 2 * d);
  add_linear(final, t, d, pixels * static_cast<double>(c.out_channels()));

  std::vector<Part> parts{patch, conditioning, adaln, elementwise, qkv, products, projection};
  if (c.dynamic) parts.push_back(routers);
  parts.insert(parts.end(), {fc1, fc2, final});
  return parts;
}

}  // namespace dydit::cost
