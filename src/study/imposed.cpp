// SPDX-License-Identifier: Apache-2.0
#include "imposed.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace dydit::study {

using torch::Tensor;

namespace {

constexpr std::array<std::pair<const char*, Which>, 6> names{{{"all", Which::all},
                                                              {"widths", Which::widths},
                                                              {"tokens", Which::tokens},
                                                              {"both", Which::both},
                                                              {"own", Which::own},
                                                              {"alike", Which::alike}}};

// Purposes of the draws of one layer.
enum Draw : std::uint64_t { heads, channels, tokens };

// (depth,H): `keep` of the units of every layer.
Tensor random_widths(const model::Configuration& c, double keep, std::uint64_t seed, Draw draw) {
  Tensor mask = torch::zeros({c.depth, c.num_heads}, torch::kBool);
  auto on = mask.accessor<bool, 2>();
  const double share = keep * static_cast<double>(c.num_heads);
  for (std::int64_t layer = 0; layer < c.depth; ++layer) {
    const auto sum_before = std::llround(static_cast<double>(layer) * share),
               sum = std::llround(static_cast<double>(layer + 1) * share);
    const auto count = std::clamp<std::int64_t>(sum - sum_before, 1, c.num_heads);
    std::vector<std::int64_t> others(static_cast<std::size_t>(c.num_heads - 1));
    std::iota(others.begin(), others.end(), 1);
    Random random(seed, Purpose::mask, static_cast<std::uint64_t>(layer), draw);
    for (std::size_t i = others.size(); i > 1; --i) std::swap(others[i - 1], others[random.below(i)]);
    on[layer][0] = true;
    for (std::int64_t i = 0; i + 1 < count; ++i) on[layer][others[static_cast<std::size_t>(i)]] = true;
  }
  return mask;
}

}  // namespace

Which which_named(const std::string& name) {
  for (const auto& [text, which] : names)
    if (name == text) return which;
  throw UsageError("no such units", name, "known are all, widths, tokens, both, own and alike");
}

std::string to_string(Which which) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.second == which; })
      ->first;
}

Kept kept_of(Which which, double keep) {
  const double widths = which == Which::widths || which == Which::both ? keep : 1;
  return {
      .heads = widths, .groups = widths, .tokens = which == Which::tokens || which == Which::both ? keep : 1};
}

engine::Masks imposed_masks(const model::Configuration& c, const Kept& kept, std::int64_t batch,
                            std::uint64_t seed, std::int64_t draw) {
  const auto widths = [&](Draw purpose, double keep) {
    const Tensor mask = random_widths(c, keep, seed, purpose);
    return mask.expand({batch, c.depth, c.num_heads}).contiguous();
  };
  Tensor on = torch::ones({batch, c.depth, c.tokens()}, torch::kBool);
  if (kept.tokens < 1) {
    const std::span<bool> values(on.data_ptr<bool>(), static_cast<std::size_t>(on.numel()));
    Random random(seed, Purpose::mask, static_cast<std::uint64_t>(draw), tokens);
    for (bool& value : values) value = random.uniform() < kept.tokens;
  }
  return {widths(heads, kept.heads), widths(channels, kept.groups), on};
}

}  // namespace dydit::study
