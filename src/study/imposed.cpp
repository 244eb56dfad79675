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

// (layers,units): `keep` of the units of every layer. Unit 0 is among them, as of an axis that has it always on.
Tensor random_units(const model::UnitAxis& axis, double keep, std::uint64_t seed, std::uint64_t draw) {
  Tensor mask = torch::zeros({axis.layers, axis.units}, torch::kBool);
  auto on = mask.accessor<bool, 2>();
  const double share = keep * static_cast<double>(axis.units);
  for (std::int64_t layer = 0; layer < axis.layers; ++layer) {
    const auto sum_before = std::llround(static_cast<double>(layer) * share),
               sum = std::llround(static_cast<double>(layer + 1) * share);
    const auto count = std::clamp<std::int64_t>(sum - sum_before, 1, axis.units);
    std::vector<std::int64_t> others(static_cast<std::size_t>(axis.units - 1));
    std::iota(others.begin(), others.end(), 1);
    Random(seed, Purpose::mask, static_cast<std::uint64_t>(layer), draw).shuffle(std::span(others));
    on[layer][0] = true;
    for (std::int64_t i = 0; i + 1 < count; ++i) on[layer][others[static_cast<std::size_t>(i)]] = true;
  }
  return mask;
}

// (N,layers,units): each with that probability.
Tensor random_tokens(const model::UnitAxis& axis, double keep, std::int64_t batch, std::uint64_t seed,
                     std::int64_t draw, std::uint64_t purpose) {
  Tensor on = torch::ones({batch, axis.layers, axis.units}, torch::kBool);
  if (keep == 1) return on;
  Random random(seed, Purpose::mask, static_cast<std::uint64_t>(draw), purpose);
  for (bool& value : std::span(on.data_ptr<bool>(), static_cast<std::size_t>(on.numel())))
    value = random.uniform() < keep;
  return on;
}

}  // namespace

Which which_named(const std::string& name) {
  for (const auto& [text, which] : names)
    if (name == text) return which;
  throw UsageError("no such units", name, "known are all, widths, tokens, both, own and alike");
}

std::string to_string(Which which) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.second == which; })->first;
}

std::vector<double> kept_of(Which which, const Kept& keep, const std::vector<model::UnitAxis>& units) {
  std::vector<double> kept;
  for (std::size_t axis = 0; axis < units.size(); ++axis) {
    const Which alone = units[axis].scope == model::Scope::timestep ? Which::widths : Which::tokens;
    kept.push_back(which == alone || which == Which::both ? keep.of(axis) : 1);
  }
  return kept;
}

engine::Masks imposed_masks(const std::vector<model::UnitAxis>& units, const std::vector<double>& kept,
                            std::int64_t batch, std::uint64_t seed, std::int64_t draw) {
  engine::Masks masks;
  for (std::size_t axis = 0; axis < units.size(); ++axis) {
    const model::UnitAxis& of = units[axis];
    if (of.scope == model::Scope::token)
      masks.push_back(random_tokens(of, kept[axis], batch, seed, draw, axis));
    else
      masks.push_back(random_units(of, kept[axis], seed, axis).expand({batch, of.layers, of.units}).contiguous());
  }
  return masks;
}

}  // namespace dydit::study
