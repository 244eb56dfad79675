// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <torch/torch.h>

#include "catch.h"

using dydit::cache::History;
using torch::Tensor;

namespace {

// f(p) = c + b p + a p^2, one feature of three images.
Tensor feature(double pass) {
  const Tensor c = torch::arange(12, torch::kFloat64).view({1, 3, 2, 2});
  return c + 2 * pass * c.flip(1) + 0.25 * pass * pass;
}

Tensor keep(History& history, std::int64_t pass, std::int64_t distance, std::int64_t images = 3) {
  const Tensor kept = history.full_pass(distance, {1, images, 2, 2}, torch::kFloat64);
  kept.copy_(feature(static_cast<double>(pass)).narrow(1, 0, images));
  return kept;
}

}  // namespace

TEST_CASE("features are foretold by finite differences of full passes") {
  History reuse(0), taylor(2);
  for (History* history : {&reuse, &taylor}) {
    keep(*history, 0, 1);
    CHECK(history->foretold(3, 5).sum(0).equal(feature(0)[0]));  // nothing to take a difference from
    keep(*history, 1, 1);
    keep(*history, 4, 3);
  }
  CHECK(reuse.foretold(3, 2).sum(0).equal(feature(4)[0]));
  // f1 = (f(4) - f(1)) / 3; before it (f(1) - f(0)) / 1; f2 is their difference, divided by 3.
  const Tensor f1 = (feature(4) - feature(1)) / 3, f2 = (f1 - (feature(1) - feature(0))) / 3;
  for (const std::int64_t x : {1, 2}) {
    const double passes = static_cast<double>(x);
    const Tensor expected = (feature(4) + passes * f1 + passes * passes / 2 * f2)[0];
    CHECK(torch::allclose(taylor.foretold(3, x).sum(0), expected, 1e-12));
    CHECK(taylor.foretold(3, x).of({1, 1, 2}).sum(0).equal(taylor.foretold(3, x).sum(0).narrow(0, 1, 2)));
  }
  CHECK(taylor.bytes() == 3 * reuse.bytes());
  CHECK(reuse.bytes() == 12 * sizeof(double));
}

TEST_CASE("a polynomial forgets full passes beyond its order") {
  History line(1);
  const auto straight = [](std::int64_t pass) { return torch::full({1, 1, 2, 2}, 3.0 * static_cast<double>(pass)); };
  for (const auto& [pass, distance] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {1, 1}, {3, 2}, {4, 1}, {7, 3}})
    line.full_pass(distance, {1, 1, 2, 2}, torch::kFloat32).copy_(straight(pass) * (pass < 4 ? 100 : 1));
  CHECK(torch::allclose(line.foretold(1, 2).sum(0), straight(9)[0]));
}

TEST_CASE("a history that is forgotten begins with values alone, in the memory that it has") {
  History taylor(2);
  const void* memory = nullptr;
  for (std::int64_t pass = 0; pass < 4; ++pass)
    if (const Tensor kept = keep(taylor, pass, 1); pass == 0) memory = kept.const_data_ptr();
  taylor.forget();
  CHECK(taylor.bytes() == 0);
  const Tensor kept = keep(taylor, 9, 1, 2);
  CHECK(kept.const_data_ptr() == memory);
  CHECK(taylor.foretold(2, 3).sum(0).equal(feature(9)[0].narrow(0, 0, 2)));
  CHECK(taylor.bytes() == 8 * sizeof(double));
  keep(taylor, 10, 1, 2);
  CHECK(taylor.foretold(1, 1).sum(0).equal(2 * feature(10)[0].narrow(0, 0, 1) - feature(9)[0].narrow(0, 0, 1)));
}
