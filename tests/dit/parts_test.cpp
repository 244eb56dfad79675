// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include <limits>

#include "catch.h"
#include "dit/engines.h"

using namespace dydit;

namespace {

// The even heads and channel groups of every layer, for two images; all tokens.
engine::Masks even_units(const model::Architecture& of) {
  engine::Masks masks = engine::all_on(of, 2, torch::kCPU);
  for (const std::size_t axis : {dit::axis::heads, dit::axis::channels})
    for (std::int64_t unit = 1; unit < of.units[axis].units; unit += 2) masks[axis].select(2, unit).fill_(false);
  return masks;
}

}  // namespace

TEST_CASE("products that run by themselves work with the weights that the engine packs") {
  torch::InferenceMode inference;
  dit::DiT dit(dit::published("DyDiT-S/8"));
  dit->initialise(0);
  dit->eval();
  constexpr auto unlimited = std::numeric_limits<std::size_t>::max();
  const engine::Masks masks = even_units(dit->architecture);
  const auto packing = std::make_shared<dit::Packing>(dit, unlimited);
  dit::Parts parts(dit, packing, dit::Activations(dit, 2), {masks}, dit::Parts::Of::engine);
  parts.products(0);
  const auto engine = dit::compact_engine(dit, {.packing_budget = unlimited});
  engine->plan(engine::Masks{masks[dit::axis::heads].narrow(0, 0, 1), masks[dit::axis::channels].narrow(0, 0, 1), {}});
  CHECK(packing->bytes() > 0);
  CHECK(packing->bytes() == engine->packed_bytes());
  const auto heads = dit::units_of(masks[dit::axis::heads][0]), groups = dit::units_of(masks[dit::axis::channels][0]);
  for (std::size_t layer = 0; layer < heads.size(); ++layer) {  // those of the units that are on, and no others
    packing->attention(layer, heads[layer]);
    packing->mlp(layer, groups[layer]);
  }
  CHECK(packing->bytes() == engine->packed_bytes());

  // The dense model's products work with its own weights.
  const auto none = std::make_shared<dit::Packing>(dit, unlimited);
  dit::Parts dense(dit, none, dit::Activations(dit, 2), {engine::all_on(dit->architecture, 2, torch::kCPU)},
                   dit::Parts::Of::dense_model);
  dense.products(0);
  CHECK(none->bytes() == 0);
}
