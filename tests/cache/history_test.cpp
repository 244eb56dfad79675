// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <torch/torch.h>

#include "catch.h"

using dydit::cache::History;
using dydit::model::Share;
using torch::Tensor;

namespace {

constexpr Share first{0, 0, 1}, second{1, 1, 2}, all{0, 0, 3};

// f(p) = c + b p + a p^2 for features of three images.
Tensor feature(double pass) {
  const Tensor c = torch::arange(12, torch::kFloat64).view({3, 2, 2});
  return c + 2 * pass * c.flip(0) + 0.25 * pass * pass;
}

void keep(History& history, std::int64_t pass, std::int64_t distance) {
  history.full_pass(distance, 3);
  for (const Share& share : {second, first}) history.keep(0, share, share.of(feature(static_cast<double>(pass))));
}

}  // namespace

TEST_CASE("features are foretold by finite differences of full passes") {
  History reuse(0, 1), taylor(2, 1);
  for (History* history : {&reuse, &taylor}) {
    keep(*history, 0, 1);
    CHECK(history->foretold(0, all, 5).equal(feature(0)));  // nothing to take a difference from
    keep(*history, 1, 1);
    keep(*history, 4, 3);
  }
  CHECK(reuse.foretold(0, all, 2).equal(feature(4)));
  // f1 = (f(4) - f(1)) / 3; before it (f(1) - f(0)) / 1; f2 is their difference, divided by 3.
  const Tensor f1 = (feature(4) - feature(1)) / 3, f2 = (f1 - (feature(1) - feature(0))) / 3;
  for (const std::int64_t x : {1, 2}) {
    const double passes = static_cast<double>(x);
    const Tensor expected = feature(4) + passes * f1 + passes * passes / 2 * f2;
    CHECK(torch::allclose(taylor.foretold(0, all, x), expected, 1e-12));
    CHECK(taylor.foretold(0, second, x).equal(taylor.foretold(0, all, x).narrow(0, 1, 2)));
  }
  CHECK(taylor.bytes() == 3 * reuse.bytes());
  CHECK(reuse.bytes() == 12 * sizeof(double));
}

TEST_CASE("a history that is forgotten begins with values alone") {
  History taylor(2, 1);
  for (std::int64_t pass = 0; pass < 4; ++pass) keep(taylor, pass, 1);
  taylor.forget();
  CHECK(taylor.bytes() == 0);
  keep(taylor, 9, 1);
  CHECK(taylor.foretold(0, all, 3).equal(feature(9)));
}

TEST_CASE("a batch in one piece is foretold as one in shares") {
  History pieces(2, 1), whole(2, 1);
  for (const std::int64_t pass : {0, 1, 4}) {
    const std::int64_t distance = pass == 4 ? 3 : 1;
    keep(pieces, pass, distance);
    whole.full_pass(distance, 3);
    whole.keep(0, all, feature(static_cast<double>(pass)));
    CHECK(whole.foretold(0, all, 2).equal(pieces.foretold(0, all, 2)));
  }
  CHECK(whole.bytes() == pieces.bytes());
}
