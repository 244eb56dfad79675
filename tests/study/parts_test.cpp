// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include <limits>

#include "catch.h"
#include "imposed.h"

using namespace dydit;
using study::Which;

TEST_CASE("products that run by themselves work with the weights that the engine packs") {
  torch::InferenceMode inference;
  dit::DiT dit(dit::published("DyDiT-S/8"));
  dit->initialise(0);
  dit->eval();
  constexpr auto unlimited = std::numeric_limits<std::size_t>::max();
  const auto masks = study::imposed_masks(dit->configuration, study::kept_of(Which::widths, 0.5), 2, 0, 0);
  const auto packing = std::make_shared<dit::Packing>(dit, unlimited);
  study::Parts parts(dit, packing, study::Activations(dit, 2), {masks}, study::Parts::Of::engine);
  parts.products(0);
  const auto engine = engine::compact_engine(dit, {.packing_budget = unlimited});
  engine->plan(engine::Masks{masks.heads.narrow(0, 0, 1), masks.channels.narrow(0, 0, 1), {}});
  CHECK(packing->bytes() > 0);
  CHECK(packing->bytes() == engine->packed_bytes());
  const auto heads = dit::units_of(masks.heads[0]), groups = dit::units_of(masks.channels[0]);
  for (std::size_t layer = 0; layer < heads.size(); ++layer) {  // those of the units that are on, and no others
    packing->attention(layer, heads[layer]);
    packing->mlp(layer, groups[layer]);
  }
  CHECK(packing->bytes() == engine->packed_bytes());

  // The dense model's products work with its own weights.
  const auto none = std::make_shared<dit::Packing>(dit, unlimited);
  const auto open = study::imposed_masks(dit->configuration, study::kept_of(Which::all, 1), 2, 0, 0);
  study::Parts dense(dit, none, study::Activations(dit, 2), {open}, study::Parts::Of::dense_model);
  dense.products(0);
  CHECK(none->bytes() == 0);
}
