// SPDX-License-Identifier: Apache-2.0
#include "model/linear.h"
#include "catch.h"
#include "distance.h"

using dydit::model::Linear;
using dydit::test::rel_l2;
using torch::Tensor;

namespace {

Linear random_linear(std::int64_t in, std::int64_t out, torch::Dtype dtype = torch::kFloat32) {
  const torch::NoGradGuard no_grad;
  Linear linear(in, out);
  linear->weight.normal_(0, 1 / std::sqrt(static_cast<double>(in)));
  linear->bias.normal_();
  linear->to(dtype);
  return linear;
}

Tensor exact(const Linear& linear, const Tensor& x, bool gelu) {
  const auto f64 = torch::kFloat64;
  const Tensor out = at::linear(x.to(f64), linear->weight.to(f64), linear->bias.to(f64));
  return gelu ? torch::gelu(out, "tanh") : out;
}

}  // namespace

TEST_CASE("a linear layer equals its formula in float64, forward and backward") {
  torch::manual_seed(1);
  const auto dtype = GENERATE(torch::kFloat32, torch::kBFloat16, torch::kFloat16, torch::kFloat64);
  const auto [rows, in, out] =
      GENERATE(table<int, int, int>({{1, 4, 3}, {5, 48, 144}, {7, 17, 30}, {8, 100, 50}, {70, 96, 384}, {33, 17, 13}}));
  const bool gelu = GENERATE(false, true);
  const double tolerance = dtype == torch::kBFloat16 ? 1e-2 : dtype == torch::kFloat16 ? 2e-3 : 2e-6;
  CAPTURE(torch::toString(dtype), rows, in, out, gelu);
  Linear linear = random_linear(in, out, dtype);
  const Tensor x = torch::randn({2, rows, in}).to(dtype).requires_grad_(),
               grad = torch::randn({2, rows, out}).to(dtype);
  const auto apply = [&] { return gelu ? linear->gelu(x) : linear->forward(x); };
  {
    const torch::InferenceMode inference;
    CHECK(rel_l2(apply(), exact(linear, x, gelu)) <= tolerance);
  }
  const Tensor actual = apply();
  CHECK(rel_l2(actual, exact(linear, x, gelu)) <= tolerance);
  actual.backward(grad);
  const std::vector<Tensor> grads{x.grad(), linear->weight.grad(), linear->bias.grad()};
  for (const Tensor& tensor : {x, linear->weight, linear->bias}) tensor.mutable_grad().reset();
  exact(linear, x, gelu).backward(grad.to(torch::kFloat64));
  const std::vector<Tensor> expected{x.grad(), linear->weight.grad(), linear->bias.grad()};
  for (std::size_t i = 0; i < grads.size(); ++i) {
    CAPTURE(i);
    CHECK(grads[i].scalar_type() == dtype);
    CHECK(rel_l2(grads[i], expected[i]) <= 2 * tolerance);
  }
}

TEST_CASE("a packed weight follows the weight") {
  torch::manual_seed(2);
  const torch::NoGradGuard no_grad;
  Linear linear = random_linear(32, 64);
  const Tensor few = torch::randn({3, 32}), many = torch::randn({40, 32});
  const auto check = [&](const char* after) {
    INFO(after);
    for (const Tensor& x : {few, many}) CHECK(rel_l2(linear->forward(x), exact(linear, x, false)) <= 2e-6);
  };
  check("the first use");
  linear->weight.mul_(2);
  check("a change in place");
  linear->weight.set_data(torch::randn({64, 32}));
  check("another tensor");
  linear->to(torch::kBFloat16);
  linear->to(torch::kFloat32);
  check("other types in between");
  {
    const torch::InferenceMode inference;
    check("inference");
  }
}

TEST_CASE("a weight that is frozen leaves the bias its gradient") {
  torch::manual_seed(3);
  Linear linear = random_linear(8, 4);
  linear->weight.requires_grad_(false);
  const Tensor x = torch::randn({2, 8});
  linear->forward(x).sum().backward();
  CHECK(torch::equal(linear->bias.grad(), torch::full({4}, 2.0F)));
}

TEST_CASE("no rows give no rows") {
  const torch::NoGradGuard no_grad;
  Linear linear = random_linear(8, 4);
  CHECK(linear->forward(torch::empty({0, 8})).sizes() == torch::IntArrayRef({0, 4}));
}

TEST_CASE("each row of a product with few rows is the same beside any others, for any number of threads") {
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  Linear linear = random_linear(96, 250);
  const Tensor x = torch::randn({16, 96});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor alone = linear->forward(x);
  at::set_num_threads(3);
  for (std::int64_t rows = 1; rows <= 16; ++rows) {
    CAPTURE(rows);
    CHECK(torch::equal(linear->forward(x.narrow(0, 16 - rows, rows)), alone.narrow(0, 16 - rows, rows)));
  }
  at::set_num_threads(threads);
}
