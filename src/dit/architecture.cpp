// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "dit/configuration.h"

namespace dydit::dit {

using model::Activity;
using model::Kind;
using model::Part;

namespace {

void add_linear(Part& part, double rows, double in, double out) {
  part.macs += rows * in * out;
  part.weights += in * out + out;
  part.activations += rows * (in + out);
}

// Of one layer: norm, products and the residual behind them. With no head on, x + the gated bias is left.
struct AttentionParts {
  Part &elementwise, &qkv, &products, &projection;

  void add(double t, double d, double width) const {
    if (width == 0) {
      projection.weights += d;
      elementwise.activations += 2 * t * d + d;
      return;
    }
    // x -> norm, in one pass with the residual before it; x, y -> residual; shift, scale and gate.
    elementwise.activations += 2 * t * d + 3 * t * d + 3 * d;
    add_linear(qkv, t, d, 3 * width);
    products.macs += 2 * t * t * width;
    products.activations += 4 * t * width;
    add_linear(projection, t, width, d);
  }
};

// Likewise of the routed tokens; `entries` of their hidden layers and so many channels are on.
struct MlpParts {
  Part &elementwise, &fc1, &fc2;

  void add(double tokens, double d, double channels, double entries) const {
    if (tokens == 0) return;
    if (channels == 0) {
      fc2.weights += d;
      elementwise.activations += tokens * d + d;
      return;
    }
    // The norm, in one pass with the residual before it; y -> residual, in one with the norm behind it.
    elementwise.activations += 3 * tokens * d + 3 * d;
    for (Part* part : {&fc1, &fc2}) {
      part->macs += entries * d;
      part->activations += entries + tokens * d;
    }
    fc1.weights += channels * d + channels;
    fc2.weights += channels * d + d;
  }
};

// How much of a layer is on: of a dense model everything.
struct Layer {
  double heads, groups, tokens, group_tokens;
};

Layer on_in_layer(const Configuration& c, const Activity& activity, std::size_t layer) {
  const auto units = static_cast<double>(c.num_heads), all_tokens = static_cast<double>(c.tokens());
  if (activity.on.empty()) return {units, units, all_tokens, units * all_tokens};
  return {activity.on[axis::heads][layer], activity.on[axis::channels][layer], activity.on[axis::tokens][layer],
          activity.both[axis::channels][axis::tokens][layer]};
}

std::vector<Part> parts_of(const Configuration& c, const Activity& activity) {
  constexpr double sinusoids = 256;
  const auto t = static_cast<double>(c.tokens()), d = static_cast<double>(c.hidden_size),
             hidden = static_cast<double>(c.mlp_hidden()), units = static_cast<double>(c.num_heads),
             inner = static_cast<double>(c.token_router_width());
  const auto pixels = static_cast<double>(c.patch_size * c.patch_size);
  Part patch{"patch"}, conditioning{"conditioning"}, adaln{"adaln"}, elementwise{"elementwise"},
      qkv{"attention.qkv", Kind::products}, products{"attention.products", Kind::attention},
      projection{"attention.projection", Kind::products}, routers{"routers", Kind::routers},
      fc1{"mlp.fc1", Kind::products}, fc2{"mlp.fc2", Kind::products}, final{"final"};

  add_linear(patch, t, pixels * static_cast<double>(c.in_channels), d);
  patch.weights += t * d;  // position embedding
  add_linear(conditioning, 1, sinusoids, d);
  add_linear(conditioning, 1, d, d);
  conditioning.activations += 2 * d;             // the label's row, and its sum with the time
  elementwise.activations += 2 * t * d + 2 * d;  // the final norm
  const AttentionParts attention{elementwise, qkv, products, projection};
  const MlpParts mlp{elementwise, fc1, fc2};
  for (std::size_t i = 0; i < static_cast<std::size_t>(c.depth); ++i) {
    const Layer layer = on_in_layer(c, activity, i);
    const auto ran = [&](model::BlockPart part) {
      return activity.ran.empty() || activity.ran[static_cast<std::size_t>(part)][i] > 0;
    };
    if (ran(model::BlockPart::adaln)) add_linear(adaln, 1, d, 6 * d);
    if (ran(model::BlockPart::attention)) attention.add(t, d, d * layer.heads / units);
    if (c.dynamic && ran(model::BlockPart::routers)) {
      for (int router = 0; router < 2; ++router) add_linear(routers, 1, d, static_cast<double>(c.routed_units()));
      add_linear(routers, t, d, inner);
      add_linear(routers, t, inner, 1);
    }
    if (ran(model::BlockPart::mlp))
      mlp.add(layer.tokens, d, hidden * layer.groups / units, hidden * layer.group_tokens / units);
  }
  add_linear(final, 1, d, 2 * d);
  add_linear(final, t, d, pixels * static_cast<double>(c.out_channels()));

  std::vector<Part> parts{patch, conditioning, adaln, elementwise, qkv, products, projection};
  if (c.dynamic) parts.push_back(routers);
  parts.insert(parts.end(), {fc1, fc2, final});
  return parts;
}

std::vector<model::UnitAxis> axes_of(const Configuration& c) {
  if (!c.dynamic) return {};
  const bool first_on = c.first_unit_always_on;
  return {{"heads", "heads", c.depth, c.num_heads, first_on, model::Scope::timestep},
          {"channels", "channel groups", c.depth, c.num_heads, first_on, model::Scope::timestep},
          {"tokens", "tokens", c.depth, c.tokens(), false, model::Scope::token}};
}

}  // namespace

model::Architecture architecture_of(const Configuration& c) {
  const auto parts = [c](const Activity& activity) { return parts_of(c, activity); };
  model::Architecture architecture{
      .name = c.name,
      .configuration = to_json(c),
      .dense = to_json(c),
      .summary =
          fmt::format("depth {}, width {}, heads {}, patch {}, input {}×{}×{}, {} classes", c.depth, c.hidden_size,
                      c.num_heads, c.patch_size, c.in_channels, c.input_size, c.input_size, c.num_classes),
      .channels = c.in_channels,
      .side = c.input_size,
      .patch = c.patch_size,
      .classes = c.num_classes,
      .learns_sigma = c.learn_sigma,
      .flow = c.name.starts_with("SiT-") || c.name.starts_with("DySiT-"),
      .depth = c.depth,
      .stream = c.tokens() * c.hidden_size,
      .units = axes_of(c),
      .parts = parts};
  for (const char* other : {"name", "dynamic", "first_unit_always_on"}) architecture.dense.erase(other);
  double attention = 0, mlp = 0, weights = 0;
  for (const Part& part : parts(complete(architecture.units))) {
    if (part.name.starts_with("attention.")) attention += part.macs;
    if (part.name.starts_with("mlp.")) mlp += part.macs;
    weights += part.weights;
  }
  if (c.dynamic) architecture.skippable = {{attention, {axis::heads}}, {mlp, {axis::channels, axis::tokens}}};
  architecture.parameters = static_cast<std::int64_t>(weights) + (c.num_classes + 1) * c.hidden_size;
  architecture.trainable =
      architecture.parameters - c.tokens() * c.hidden_size;  // without the fixed position embedding
  return architecture;
}

}  // namespace dydit::dit
