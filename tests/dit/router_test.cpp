// SPDX-License-Identifier: Apache-2.0
// The token router in inference against its formula in float64.
#include "catch.h"
#include "distance.h"
#include "dit/layers.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace dit = dydit::dit;
namespace model = dydit::model;

static dit::TokenRouter random_router(std::int64_t width) {
  dit::Configuration c;
  c.hidden_size = width;
  dit::TokenRouter router(c);
  for (Tensor& parameter : router->parameters()) parameter.set_data(torch::randn_like(parameter));
  return router;
}

// In float64, with the sizes of what is added up: where logits are nearly zero, so is the sum of large numbers.
static std::pair<Tensor, Tensor> formula(dit::TokenRouter& router, const Tensor& x) {
  const auto f64 = [](const Tensor& tensor) { return tensor.to(torch::kFloat64); };
  const auto& first = *router->mlp_head[0]->as<model::Linear>();
  const auto& second = *router->mlp_head[2]->as<model::Linear>();
  const Tensor hidden = torch::relu(at::linear(f64(x), f64(first.weight), f64(first.bias)));
  return {at::linear(hidden, f64(second.weight), f64(second.bias)).squeeze(-1),
          at::linear(hidden, f64(second.weight).abs(), f64(second.bias).abs()).squeeze(-1)};
}

TEST_CASE("a token router equals its formula, for any width and number of rows, with and without gradients") {
  torch::manual_seed(1);
  const std::int64_t width = GENERATE(16, 64, 384, 768, 1024, 1152);  // S, B, L and XL have 24, 48, 64 and 72 hidden
  const std::int64_t rows = GENERATE(1, 7, 65, 130);
  CAPTURE(width, rows);
  dit::TokenRouter router = random_router(width);
  const Tensor x = torch::randn({2, rows, width});
  const auto [expected, size] = formula(router, x);
  const auto check = [&](const Tensor& logits) {
    REQUIRE(logits.sizes() == torch::IntArrayRef({2, rows}));
    CHECK(((logits.to(torch::kFloat64) - expected).abs() <= 1e-5 * size).all().item<bool>());
  };
  check(router->forward(x));
  const torch::NoGradGuard no_grad;
  check(router->forward(x));
  Tensor spoilt = x.clone();
  spoilt[1][rows / 2][width - 1] = std::nan("");
  const Tensor logits = router->forward(spoilt);
  CHECK(logits.isnan().sum().item<std::int64_t>() == 1);
  CHECK(logits[1][rows / 2].isnan().item<bool>());
}

TEST_CASE("rows of another width are refused") {
  const torch::NoGradGuard no_grad;
  dit::TokenRouter router = random_router(64);
  CHECK_THROWS_AS(router->forward(torch::zeros({2, 3, 128})), std::exception);
  model::Linear linear(50, 3);
  CHECK_THROWS_AS(linear->forward(torch::zeros({4, 100})), std::exception);
}
