// SPDX-License-Identifier: Apache-2.0
#include "engine/rounding.h"

#include <torch/torch.h>

#include "base/error.h"
#include "catch.h"
#include "toy.h"

using namespace dydit;
using engine::rounded_up;
using torch::Tensor;

namespace {

Tensor bools(const std::vector<int>& on, at::IntArrayRef sizes) {
  return torch::tensor(on).view(sizes).to(torch::kBool);
}

}  // namespace

TEST_CASE("units are turned on up to the top of the tile: those with the highest logits, or the first ones") {
  const std::vector<std::int64_t> to{0, 2, 2, 4, 4};
  const Tensor mask = bools({0, 0, 0, 1, /**/ 0, 0, 0, 0, /**/ 0, 1, 0, 1, /**/ 1, 0, 1, 1}, {2, 2, 4});
  CHECK(torch::equal(rounded_up(mask, {}, to),
                     bools({1, 0, 0, 1, /**/ 0, 0, 0, 0, /**/ 0, 1, 0, 1, /**/ 1, 1, 1, 1}, {2, 2, 4})));
  const Tensor logits = torch::tensor({-3., -1., -2., 1., /**/ -1., -1., -1., -1.,
                                       /**/ -1., 1., -1., 1., /**/ 1., -1., 1., 1.})
                            .view({2, 2, 4});
  CHECK(torch::equal(rounded_up(mask, logits, to),
                     bools({0, 1, 0, 1, /**/ 0, 0, 0, 0, /**/ 0, 1, 0, 1, /**/ 1, 1, 1, 1}, {2, 2, 4})));
  CHECK(torch::equal(rounded_up(mask, logits, {}), mask));
  CHECK(torch::equal(rounded_up(torch::ones_like(mask), logits, to), torch::ones_like(mask)));
}

TEST_CASE("the unit that is always on has no logit, and equal logits take the first one") {
  const Tensor mask = bools({1, 0, 0, 0}, {1, 1, 4}), logits = torch::tensor({-2., -1., -1.}).view({1, 1, 3});
  CHECK(torch::equal(rounded_up(mask, logits, {0, 2, 2, 3, 4}), bools({1, 0, 1, 0}, {1, 1, 4})));
  CHECK(torch::equal(rounded_up(mask, logits, {0, 3, 3, 3, 4}), bools({1, 0, 1, 1}, {1, 1, 4})));
  CHECK(torch::equal(rounded_up(mask, logits.to(torch::kBFloat16), {0, 4, 4, 4, 4}), bools({1, 1, 1, 1}, {1, 1, 4})));
}

TEST_CASE("numbers to round up to are those of the model") {
  const auto& units = test::toy_architecture().units;  // 3 heads, 4 tokens, 2 experts
  CHECK_NOTHROW(engine::require_fit(engine::RoundUp(), units));
  CHECK_NOTHROW(engine::require_fit(engine::RoundUp{{0, 2, 2, 3}, {}, {0, 2, 2}}, units));
  for (const engine::RoundUp& other : std::vector<engine::RoundUp>{{{0, 2, 2, 3}},           // of one axis alone
                                                                   {{0, 2, 2}, {}, {}},      // too few
                                                                   {{1, 2, 2, 3}, {}, {}},   // 0 stays 0
                                                                   {{0, 1, 1, 3}, {}, {}},   // down
                                                                   {{0, 1, 2, 4}, {}, {}},   // more than there are
                                                                   {{0, 2, 3, 3}, {}, {}}})  // up twice
    CHECK_THROWS_AS(engine::require_fit(other, units), UsageError);
}
