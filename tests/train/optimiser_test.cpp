// SPDX-License-Identifier: Apache-2.0
#include "train/optimiser.h"
#include "model/linear.h"

#include "base/error.h"
#include "catch.h"

using namespace dydit::train;
using torch::Tensor;

namespace {

// Two trained parameters and a frozen one.
struct Toy : torch::nn::Module {
  explicit Toy(std::int64_t seed) {
    torch::manual_seed(static_cast<std::uint64_t>(seed));
    a = register_parameter("a", torch::randn({3, 5}));
    b = register_parameter("b", torch::randn({7}));
    frozen = register_parameter("frozen", torch::ones({2}), /*requires_grad=*/false);
  }
  void set_gradients(int step) {
    torch::manual_seed(static_cast<std::uint64_t>(1000 + step));
    a.mutable_grad() = torch::randn({3, 5}) * (step % 2 == 0 ? 1.0 : 0.01);  // clipped, not clipped
    b.mutable_grad() = torch::randn({7}) * 0.01;
  }
  Tensor a, b, frozen;
};

// AdamW as in the paper, over one flat vector in float64.
class PlainAdamW {
 public:
  PlainAdamW(Tensor parameters, double weight_decay, double clip)
      : p(std::move(parameters)), m(torch::zeros_like(p)), v(m.clone()), weight_decay_(weight_decay), clip_(clip) {}

  void step(Tensor g, double rate) {
    const double norm = g.norm().item<double>();
    if (clip_ > 0 && norm > clip_) g = g * (clip_ / norm);
    ++steps_;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const Tensor m_hat = m / (1 - std::pow(0.9, steps_)), v_hat = v / (1 - std::pow(0.999, steps_));
    p = p - rate * weight_decay_ * p - rate * m_hat / (v_hat.sqrt() + 1e-8);
  }

  Tensor p, m, v;

 private:
  double weight_decay_, clip_;
  int steps_ = 0;
};

Tensor flat(const Tensor& a, const Tensor& b) {
  return torch::cat({a.detach().flatten(), b.detach().flatten()}).to(torch::kFloat64);
}

}  // namespace

TEST_CASE("AdamW agrees with AdamW written by hand in float64") {
  const double weight_decay = GENERATE(0.0, 0.3), clip = GENERATE(0.0, 0.5);
  CAPTURE(weight_decay, clip);
  Toy toy(1);
  AdamW optimiser(toy, weight_decay, clip);
  PlainAdamW plain(flat(toy.a, toy.b), weight_decay, clip);
  for (int step = 0; step < 8; ++step) {
    const double rate = 0.05 / (1 + step);
    toy.set_gradients(step);
    plain.step(flat(toy.a.grad(), toy.b.grad()), rate);
    optimiser.step(rate);
    CHECK(!toy.a.grad().defined());
  }
  // Eight steps round eight times, the clipping factor and the moments a little each.
  const double difference = (flat(toy.a, toy.b) - plain.p).abs().max().item<double>();
  CHECK(!!(difference <= 32 * std::numeric_limits<float>::epsilon()));
  CHECK(torch::equal(toy.frozen, torch::ones({2})));
}

TEST_CASE("an optimizer goes on from its saved state with the same bits") {
  Toy toy(1), other(1);
  AdamW optimiser(toy, 0.1, 1), resumed(other, 0.1, 1);
  for (int step = 0; step < 3; ++step) {
    toy.set_gradients(step);
    optimiser.step(0.01);
  }
  dydit::checkpoint::Tensors saved;
  optimiser.save(saved);
  resumed.load(saved, "file");
  {
    torch::NoGradGuard no_grad;
    other.a.copy_(toy.a);
    other.b.copy_(toy.b);
  }
  for (int step = 3; step < 6; ++step)
    for (auto [module, adam] : {std::pair{&toy, &optimiser}, std::pair{&other, &resumed}}) {
      module->set_gradients(step);
      adam->step(0.01);
    }
  CHECK(torch::equal(toy.a, other.a));
  CHECK(torch::equal(toy.b, other.b));

  auto lacking = saved;
  lacking.erase("opt.exp_avg_sq.b");
  CHECK_THROWS_WITH(resumed.load(lacking, "file"), Catch::Contains("file: opt.exp_avg_sq.b"));
  saved["opt.exp_avg.a"] = saved["opt.exp_avg.b"];
  CHECK_THROWS_AS(resumed.load(saved, "file"), dydit::InputError);
}

TEST_CASE("the moving average is one of the parameters that are trained") {
  Toy average(1), toy(2);
  const Tensor expected = 0.75 * average.a.detach() + 0.25 * toy.a.detach();
  MovingAverage(average, toy).update(0.75);
  CHECK(torch::allclose(average.a, expected, 1e-6, 1e-6));
  MovingAverage(average, toy).update(0);
  CHECK(torch::equal(average.b, toy.b));
}

TEST_CASE("a step is seen by what was packed from the weights") {
  torch::manual_seed(5);
  dydit::model::Linear linear(8, 8);
  {
    const torch::NoGradGuard no_grad;
    linear->weight.normal_();
    linear->bias.zero_();
  }
  dydit::train::AdamW optimiser(*linear, 0, 0);
  const Tensor x = torch::randn({4, 8});
  const auto without_gradients = [&] {
    const torch::NoGradGuard no_grad;
    return linear->forward(x);
  };
  const Tensor before = without_gradients();
  linear->forward(x).square().mean().backward();
  optimiser.step(0.1);
  CHECK(!torch::allclose(without_gradients(), before));
  CHECK(torch::allclose(without_gradients(), at::linear(x, linear->weight, linear->bias), 1e-5, 1e-5));
}
