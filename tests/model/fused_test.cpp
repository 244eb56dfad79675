// SPDX-License-Identifier: Apache-2.0
// The fused elementwise work against its plain formulas in float64, forward and backward.
#include <fmt/format.h>

#include <torch/autograd.h>

#include "catch.h"
#include "distance.h"
#include "model/fused.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace model = dydit::model;

namespace {

// Inputs of one case, as `dtype`, each asking for its gradient. The vectors are slices of one tensor, as a
// model's are.
struct Case {
  Case(torch::Dtype dtype, std::int64_t n, std::int64_t t, std::int64_t d) {
    const Tensor vectors = torch::randn({n, 3 * d});
    for (Tensor* tensor : {&x, &y, &grad_r, &grad_h}) *tensor = (torch::randn({n, t, d}) * 2 + 0.5).to(dtype);
    for (Tensor* tensor : {&x, &y}) tensor->requires_grad_();
    modulation = vectors.to(dtype).requires_grad_();
  }
  Case as(torch::Dtype dtype) const {
    Case other = *this;
    for (Tensor* tensor : {&other.grad_r, &other.grad_h}) *tensor = tensor->to(dtype);
    for (Tensor* tensor : {&other.x, &other.y, &other.modulation})
      *tensor = tensor->detach().to(dtype).requires_grad_();
    return other;
  }
  Tensor gate() const { return modulation.chunk(3, 1)[0]; }
  Tensor shift() const { return modulation.chunk(3, 1)[1]; }
  Tensor scale() const { return modulation.chunk(3, 1)[2]; }

  Tensor x, y, modulation, grad_r, grad_h;
};

using Outputs = std::vector<Tensor>;  // r, h, or both
using Operation = std::function<Outputs(const Case&)>;

// The outputs and the gradients of x, y and the vectors; an undefined gradient is left out.
std::vector<Tensor> computed(const Operation& operation, const Case& c, bool only_last = false) {
  Outputs outputs = operation(c);
  std::vector<Tensor> grads{c.grad_r, c.grad_h};
  if (outputs.size() == 1) grads = {c.grad_h};
  std::vector<Tensor> results = outputs;
  if (only_last) {
    outputs = {outputs.back()};
    grads = {grads.back()};
  }
  torch::autograd::backward(outputs, grads);
  for (const Tensor& tensor : {c.x, c.y, c.modulation})
    if (tensor.grad().defined()) results.push_back(tensor.grad());
  return results;
}

const std::vector<std::pair<const char*, std::pair<Operation, Operation>>> operations{
    {"modulated norm",
     {[](const Case& c) { return Outputs{model::modulated_norm(c.x, c.shift(), c.scale())}; },
      [](const Case& c) { return Outputs{model::plain::modulated_norm(c.x, c.shift(), c.scale())}; }}},
    {"gated residual",
     {[](const Case& c) { return Outputs{model::gated_residual(c.x, c.y, c.gate())}; },
      [](const Case& c) { return Outputs{model::plain::gated_residual(c.x, c.y, c.gate())}; }}},
    {"gated residual and norm",
     {[](const Case& c) {
        const auto [r, h] = model::gated_residual_norm(c.x, c.y, c.gate(), c.shift(), c.scale());
        return Outputs{r, h};
      },
      [](const Case& c) {
        const Tensor r = model::plain::gated_residual(c.x, c.y, c.gate());
        return Outputs{r, model::plain::modulated_norm(r, c.shift(), c.scale())};
      }}}};

}  // namespace

TEST_CASE("fused operations equal their formulas in float64, forward and backward") {
  torch::manual_seed(1);
  const auto dtype = GENERATE(torch::kFloat32, torch::kBFloat16);
  const auto [n, t, d] =
      GENERATE(table<int, int, int>({{1, 1, 4}, {2, 3, 13}, {3, 64, 96}, {2, 65, 144}, {1, 200, 384}, {2, 130, 1152}}));
  // A value is rounded once when it is stored; sums over tokens are in float32.
  const double tolerance = dtype == torch::kFloat32 ? 2e-6 : 6e-3;
  for (const auto& [name, pair] : operations)
    for (const bool only_last : {false, true}) {
      const Case c(dtype, n, t, d);
      const auto expected = computed(pair.second, c.as(torch::kFloat64), only_last);
      const auto actual = computed(pair.first, c, only_last);
      REQUIRE(actual.size() == expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        INFO(fmt::format("{}, result {}, {} x {} x {}, {}", name, i, n, t, d, torch::toString(dtype)));
        CHECK(actual[i].scalar_type() == dtype);
        CHECK(rel_l2(actual[i], expected[i]) <= tolerance);
      }
    }
}

TEST_CASE("fused operations without gradients give the same as with them") {
  torch::manual_seed(2);
  const Case c(torch::kFloat32, 2, 70, 48);
  for (const auto& [name, pair] : operations) {
    INFO(name);
    const Outputs with = pair.first(c);
    const torch::NoGradGuard no_grad;
    const Outputs without = pair.first(c);
    for (std::size_t i = 0; i < with.size(); ++i) CHECK(torch::equal(with[i], without[i]));
  }
}

TEST_CASE("a residual takes the memory of what it is added to where nobody else holds that, in inference") {
  torch::manual_seed(2);
  const Case c(torch::kFloat32, 2, 70, 48);
  const auto residual = [&](Tensor x) { return model::gated_residual(std::move(x), c.y, c.gate()); };
  const auto with_norm = [&](Tensor x) {
    return model::gated_residual_norm(std::move(x), c.y, c.gate(), c.shift(), c.scale()).first;
  };
  const auto check = [&](const auto& operation) {
    const Tensor expected = operation(c.x).detach();
    Tensor x = c.x.detach().clone();
    const void* memory = x.data_ptr();
    CHECK(operation(std::move(x)).data_ptr() != memory);  // gates ask for gradients
    const torch::NoGradGuard no_grad;
    x = c.x.detach().clone();
    memory = x.data_ptr();
    const Tensor view = x.narrow(0, 0, 1), before = x.clone();
    CHECK(operation(x).data_ptr() != memory);  // held by its name
    CHECK(operation(x.flatten(0, 1).view_as(x)).data_ptr() != memory);
    CHECK(torch::equal(x, before));
    x = c.x.detach().clone();
    memory = x.data_ptr();
    const Tensor result = operation(std::move(x));
    CHECK(result.data_ptr() == memory);
    CHECK(torch::equal(result, expected));
  };
  check(residual);
  check(with_norm);
}

TEST_CASE("what cannot be fused takes the plain formulas") {
  torch::manual_seed(3);
  const torch::NoGradGuard no_grad;
  const Case c(torch::kFloat32, 2, 8, 16);
  const auto check = [&](const Case& other, const char* what) {
    INFO(what);
    for (const auto& [name, pair] : operations)
      CHECK(torch::equal(pair.first(other).back(), pair.second(other).back()));
  };
  check(c.as(torch::kFloat16), "float16");
  check(c.as(torch::kFloat64), "float64");
  Case mixed = c;
  mixed.modulation = c.modulation.to(torch::kFloat64);
  check(mixed, "vectors of another type");
  Case transposed = c;
  transposed.x = torch::randn({2, 16, 8}).transpose(1, 2);
  check(transposed, "rows that do not lie together");
}

TEST_CASE("numbers that are none stay none") {
  const torch::NoGradGuard no_grad;
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    Case c(dtype, 1, 2, 16);
    c.x[0][1][3] = NAN;
    for (const auto& [name, pair] : operations) {
      INFO(name);
      const Tensor h = pair.first(c).back();
      CHECK(h[0][1][3].isnan().item<bool>());
      CHECK(h[0][0].isfinite().all().item<bool>());
    }
  }
}

TEST_CASE("some rows alone are the rows of the whole, and what is beyond them is zero") {
  torch::manual_seed(5);
  const torch::NoGradGuard no_grad;
  const auto dtype = GENERATE(torch::kFloat32, torch::kBFloat16, torch::kFloat64);
  for (const std::int64_t kept : {0, 1, 50, 140}) {
    const Case c(dtype, 2, 70, 48);
    const Tensor rows = std::get<0>(torch::randperm(140).narrow(0, 0, kept).sort());
    INFO(fmt::format("{} rows, {}", kept, torch::toString(dtype)));
    const Tensor whole = model::modulated_norm(c.x, c.shift(), c.scale()).flatten(0, 1);
    const Tensor some = model::modulated_norm_rows(c.x, rows, c.shift(), c.scale(), kept + 3);
    CHECK(torch::equal(some.narrow(0, 0, kept), whole.index_select(0, rows)));
    CHECK((some.narrow(0, kept, 3) == 0).all().item<bool>());

    Tensor x = c.x.clone();
    const Tensor y = c.y.flatten(0, 1).narrow(0, 0, kept);
    model::add_gated_rows(x, rows, torch::cat({y, torch::full({2, 48}, 7, y.options())}), c.gate());
    Tensor expected = c.x.clone().flatten(0, 1);
    const Tensor images = rows.div(70, "floor");
    expected.index_add_(0, rows, c.gate().index_select(0, images) * y);
    CHECK(rel_l2(x.flatten(0, 1), expected) <= (dtype == torch::kBFloat16 ? 6e-3 : 1e-6));
    Tensor others = torch::ones({140}, torch::kBool).index_fill_(0, rows, false);
    CHECK(torch::equal(x.flatten(0, 1).index({others}), c.x.flatten(0, 1).index({others})));
  }
}
