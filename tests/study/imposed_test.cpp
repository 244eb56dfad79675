// SPDX-License-Identifier: Apache-2.0
#include "imposed.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "dit/configuration.h"

using namespace dydit;
using study::Which;
using torch::Tensor;

TEST_CASE("imposed masks keep the share, spread evenly over the layers") {
  const auto c = dit::published("DyDiT-S/2");
  const auto masks = study::imposed_masks(c, study::kept_of(Which::both, 0.7), 3, /*seed=*/1, /*draw=*/0);
  for (const Tensor& mask : {masks.heads, masks.channels}) {
    CHECK(mask.sizes() == torch::IntArrayRef({3, 12, 6}));
    CHECK(mask.select(2, 0).all().item<bool>());
    CHECK(torch::equal(mask[0], mask[2]));
    const Tensor counts = mask[0].sum(1);
    CHECK(counts.sum().item<std::int64_t>() == 50);  // of 50.4
    CHECK(counts.min().item<std::int64_t>() == 4);
    CHECK(counts.max().item<std::int64_t>() == 5);
  }
  CHECK(!torch::equal(masks.heads, masks.channels));
  const double tokens = masks.tokens.to(torch::kFloat64).mean().item<double>();
  CHECK(std::abs(tokens - 0.7) < 0.02);
  CHECK(!(masks.tokens.sum(2) == masks.tokens[0][0].sum()).all().item<bool>());  // images and layers differ
  const auto other = study::imposed_masks(c, study::kept_of(Which::both, 0.7), 3, 1, /*draw=*/1);
  CHECK(torch::equal(other.heads, masks.heads));  // the timestep's
  CHECK(!torch::equal(other.tokens, masks.tokens));

  const auto widths = study::imposed_masks(c, study::kept_of(Which::widths, 0.01), 1, 1, 0);
  CHECK(widths.tokens.all().item<bool>());
  CHECK((widths.heads.sum(2) == 1).all().item<bool>());  // the one that is always on
  const auto few = study::imposed_masks(c, study::kept_of(Which::tokens, 0.5), 1, 1, 0);
  CHECK(few.heads.all().item<bool>());
  CHECK(study::imposed_masks(c, study::kept_of(Which::all, 0.5), 1, 1, 0).tokens.all().item<bool>());
  CHECK_THROWS_AS(study::which_named("heads"), UsageError);
}
