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
  const auto units = dit::architecture_of(dit::published("DyDiT-S/2")).units;
  const auto kept = [&](Which which, double keep) { return study::kept_of(which, keep, units); };
  enum { heads, channels, tokens };
  const auto masks = study::imposed_masks(units, kept(Which::both, 0.7), 3, /*seed=*/1, /*draw=*/0);
  for (const Tensor& mask : {masks[heads], masks[channels]}) {
    CHECK(mask.sizes() == torch::IntArrayRef({3, 12, 6}));
    CHECK(mask.select(2, 0).all().item<bool>());
    CHECK(torch::equal(mask[0], mask[2]));
    const Tensor counts = mask[0].sum(1);
    CHECK(counts.sum().item<std::int64_t>() == 50);  // of 50.4
    CHECK(counts.min().item<std::int64_t>() == 4);
    CHECK(counts.max().item<std::int64_t>() == 5);
  }
  CHECK(!torch::equal(masks[heads], masks[channels]));
  const double on = masks[tokens].to(torch::kFloat64).mean().item<double>();
  CHECK(std::abs(on - 0.7) < 0.02);
  CHECK(!(masks[tokens].sum(2) == masks[tokens][0][0].sum()).all().item<bool>());  // images and layers differ
  const auto other = study::imposed_masks(units, kept(Which::both, 0.7), 3, 1, /*draw=*/1);
  CHECK(torch::equal(other[heads], masks[heads]));  // the timestep's
  CHECK(!torch::equal(other[tokens], masks[tokens]));

  const auto widths = study::imposed_masks(units, kept(Which::widths, 0.01), 1, 1, 0);
  CHECK(widths[tokens].all().item<bool>());
  CHECK((widths[heads].sum(2) == 1).all().item<bool>());  // the one that is always on
  const auto few = study::imposed_masks(units, kept(Which::tokens, 0.5), 1, 1, 0);
  CHECK(few[heads].all().item<bool>());
  CHECK(study::imposed_masks(units, kept(Which::all, 0.5), 1, 1, 0)[tokens].all().item<bool>());
  CHECK_THROWS_AS(study::which_named("heads"), UsageError);
}

TEST_CASE("shares of each unit axis are kept where the masks name it") {
  const auto units = dit::architecture_of(dit::published("DyDiT-S/2")).units;
  const auto shares = study::kept_from_text("1,0.5,0.25", "--keep");
  CHECK(study::kept_of(Which::both, shares, units) == std::vector<double>{1, 0.5, 0.25});
  CHECK(study::kept_of(Which::widths, shares, units) == std::vector<double>{1, 0.5, 1});
  CHECK(study::kept_of(Which::tokens, shares, units) == std::vector<double>{1, 1, 0.25});
  CHECK(study::kept_of(Which::all, shares, units) == std::vector<double>{1, 1, 1});
  CHECK(study::kept_of(Which::both, 0.5, units) == std::vector<double>{0.5, 0.5, 0.5});
  CHECK(study::to_json(shares) == study::Json{1.0, 0.5, 0.25});
  CHECK(study::to_json(study::kept_from_text("0.5", "--keep")) == 0.5);
  CHECK(study::kept_from_json(study::to_json(shares), "keep") == shares);
  for (const char* wrong : {"", "0.5,", "0.5,0", "0.5,1.1,0.5", "1,1,1", "0.5;0.5", "nan,0.5"}) {
    INFO(wrong);
    CHECK_THROWS_AS(study::kept_from_text(wrong, "--keep"), UsageError);
  }
  CHECK_THROWS_WITH(
      study::require_axes(study::kept_from_text("0.5,0.7", "--keep"), units, "p.toml"),
      "the shares 0.5,0.7 are not of 3 unit axes: p.toml: give one share, or one of each: heads, channels, tokens");
}
