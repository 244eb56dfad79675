// SPDX-License-Identifier: Apache-2.0
// Flow matching against the official code, and what must hold on every path.
#include "diffusion/flow.h"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "catch.h"
#include "diffusion/schedule.h"
#include "golden.h"

using dydit::diffusion::coefficients;
using dydit::diffusion::Coefficients;
using dydit::diffusion::Flow;
using dydit::diffusion::flow_of;
using dydit::diffusion::Path;
using dydit::test::Golden;
using dydit::test::rel_l2;
using torch::Tensor;

static Flow flow(const std::string& path, const std::string& prediction, const std::string& weight = "none") {
  return flow_of({.name = "flow", .path = path, .prediction = prediction, .loss_weight = weight});
}

static Coefficients at_time(Path path, double t) { return coefficients(path, torch::tensor({t}, torch::kFloat64)); }

static double number(const Tensor& tensor) { return tensor.item<double>(); }

// What `name`, <kind>.<path>[.<prediction>[.<weight>]], is of the case's inputs.
static Tensor ours(const Golden& golden, const std::string& name) {
  std::vector<std::string> parts{""};
  for (char c : name)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(std::tolower(c));
  parts.resize(4);
  const auto& [kind, path, prediction, weight] = std::tie(parts[0], parts[1], parts[2], parts[3]);
  const Flow f = flow(path, prediction.empty() ? "velocity" : prediction, weight.empty() ? "none" : weight);
  const Tensor x1 = golden["x1"], x0 = golden["x0"], t = golden["t"], output = golden["model_output"];
  const Tensor x_t = f.x_t(x1, x0, t);
  if (kind == "xt") return x_t;
  if (kind == "ut") return f.velocity(x1, x0, t);
  if (kind == "loss") return f.loss_terms(output, x1, x0, t).loss;
  return kind == "drift" ? f.drift(output, x_t, t) : f.score(output, x_t, t);
}

TEST_CASE("paths, losses, drifts and scores are the official ones") {
  const Golden golden("sit_transport");
  const auto& tolerance = golden.entry.at("tolerance");
  int compared = 0;
  for (const auto& [name, expected] : golden.tensors) {
    if (name.find('.') == std::string::npos) continue;  // an input
    INFO(name);
    const bool vp = name.find(".VP") != std::string::npos;
    CHECK(rel_l2(ours(golden, name), golden[name]) <= tolerance.at(vp ? "VP rel_l2" : "fp32_rel_l2"));
    ++compared;
  }
  CHECK(compared == 45);
}

TEST_CASE("a path begins in noise, ends in data, and has the derivatives that it states") {
  const auto path = GENERATE(Path::linear, Path::gvp, Path::vp);
  CHECK(number(at_time(path, 0).alpha) == (path == Path::vp ? Approx(std::exp(-5.025)) : Approx(0)));
  CHECK(number(at_time(path, 1).alpha) == 1);
  CHECK(number(at_time(path, 1).sigma) == 0);
  CHECK(number(at_time(path, 0).sigma) == Approx(1).margin(3e-5));
  const double h = 1e-6;
  for (const double t : {0.001, 0.1, 0.5, 0.9, 0.999}) {
    CAPTURE(t);
    const auto c = at_time(path, t), before = at_time(path, t - h), after = at_time(path, t + h);
    CHECK(number(c.d_alpha) == Approx(number(after.alpha - before.alpha) / (2 * h)).epsilon(1e-5));
    CHECK(number(c.d_sigma) == Approx(number(after.sigma - before.sigma) / (2 * h)).epsilon(1e-5));
    if (path != Path::linear) CHECK(number(c.alpha.square() + c.sigma.square()) == Approx(1).epsilon(1e-12));
  }
  // 1 - exp(-7e-10) would keep seven digits of it.
  const double sigma = number(at_time(Path::vp, 1 - 0x1p-27).sigma);
  CHECK(sigma == Approx(std::sqrt(0.1 * 0x1p-27 + 9.95 * 0x1p-54)).epsilon(1e-9));
}

TEST_CASE("an exact prediction loses nothing and gives back velocity, score and noise") {
  const std::string path = GENERATE("linear", "gvp", "vp"), prediction = GENERATE("velocity", "score", "noise");
  CAPTURE(path, prediction);
  const Golden golden("sit_transport");
  const Tensor x1 = golden["x1"], x0 = golden["x0"], t = golden["t"];
  const Flow f = flow(path, prediction);
  const Path named = path == "linear" ? Path::linear : path == "gvp" ? Path::gvp : Path::vp;
  const Tensor sigma = coefficients(named, t).sigma.view({-1, 1, 1, 1}), x_t = f.x_t(x1, x0, t);
  const Tensor velocity = f.velocity(x1, x0, t), score = (-x0 / sigma).to(torch::kFloat32);
  const Tensor exact = prediction == "velocity" ? velocity : prediction == "score" ? score : x0;
  CHECK(number(f.loss_terms(exact, x1, x0, t).loss.max()) < 1e-10);
  CHECK(rel_l2(f.drift(exact, x_t, t), velocity) < 1e-5);
  CHECK(rel_l2(f.score(exact, x_t, t), score) < 1e-5);
}

TEST_CASE("the epsilon factor turns errors of the prediction into errors of the noise") {
  const std::string path = GENERATE("linear", "gvp", "vp"), prediction = GENERATE("velocity", "score", "noise");
  const Golden golden("sit_transport");
  const Tensor x1 = golden["x1"], x0 = golden["x0"], output = golden["model_output"];
  const Flow f = flow(path, prediction);
  const Path named = path == "linear" ? Path::linear : path == "gvp" ? Path::gvp : Path::vp;
  for (const double time : {0.03, 0.4, 0.9}) {
    CAPTURE(path, prediction, time);
    const Tensor t = torch::full({4}, time), x_t = f.x_t(x1, x0, t);
    const Tensor noise = -coefficients(named, t).sigma.view({-1, 1, 1, 1}) * f.score(output, x_t, t);
    const Tensor expected = (noise - x0).square(), map = f.loss_terms(output, x1, x0, t).mse_map;
    CHECK(rel_l2(map * f.epsilon_factor(time), expected) < 1e-4);
  }
}

TEST_CASE("the signal-to-noise ratio goes from nothing to everything") {
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(flow("linear", "noise").log_snr(0.5) == Approx(0).margin(1e-12));
  CHECK(flow("linear", "noise").log_snr(0.25) == Approx(2 * std::log(1.0 / 3)));
  CHECK(flow("gvp", "noise").log_snr(0.5) == Approx(0).margin(1e-12));
  for (const char* path : {"linear", "gvp"}) CHECK(flow(path, "velocity").log_snr(0) == -infinite);
  for (const char* path : {"linear", "gvp", "vp"}) CHECK(flow(path, "velocity").log_snr(1) == infinite);
  // The variance-preserving path is the limit of the linear noise schedule.
  using namespace dydit::diffusion;
  const Tables tables(betas(NoiseSchedule::linear, 1000));
  for (const std::size_t step : {100, 500, 900}) {
    const double a = tables.alphas_cumprod[step - 1], u = static_cast<double>(step) / 1000;
    CHECK(flow("vp", "velocity").log_snr(1 - u) == Approx(std::log(a / (1 - a))).margin(0.1));
  }
}

TEST_CASE("a weight is that of the image's time, and the channels of a variance learn nothing") {
  const Golden golden("sit_transport");
  const Tensor x1 = golden["x1"], x0 = golden["x0"], t = golden["t"];
  const Tensor output = torch::cat({golden["model_output"], golden["model_output"]}, 1).requires_grad_();
  const auto plain = flow("linear", "noise").loss_terms(output, x1, x0, t);
  const auto weighted = flow("linear", "noise", "likelihood").loss_terms(output, x1, x0, t);
  CHECK(torch::equal(plain.loss, plain.mse));
  CHECK(torch::equal(weighted.mse_map, plain.mse_map));
  CHECK(rel_l2(weighted.loss, plain.mse / (t * (1 - t))) < 1e-5);
  CHECK_FALSE(plain.vb.defined());
  const Tensor gradient = torch::autograd::grad({weighted.loss.sum()}, {output})[0];
  CHECK(gradient.narrow(1, 0, 4).count_nonzero().item<std::int64_t>() > 0);
  CHECK(gradient.narrow(1, 4, 4).count_nonzero().item<std::int64_t>() == 0);
}

TEST_CASE("times are those of the official training, and the ends where a formula is infinite are left out") {
  const auto interval = [](const char* path, const char* prediction) {
    const auto drawn = flow(path, prediction).training_times();
    return std::pair{drawn.least, drawn.most};
  };
  CHECK(interval("linear", "velocity") == std::pair{0.0, 1.0});
  CHECK(interval("gvp", "velocity") == std::pair{0.0, 1.0});
  CHECK(interval("gvp", "noise") == std::pair{1e-3, 1 - 1e-3});
  CHECK(interval("linear", "score") == std::pair{1e-3, 1 - 1e-3});
  for (const char* prediction : {"velocity", "score", "noise"})
    CHECK(interval("vp", prediction) == std::pair{0.0, 1 - 1e-5});
  const Golden golden("sit_transport");
  for (const char* path : {"linear", "gvp", "vp"})
    for (const char* prediction : {"velocity", "score", "noise"})
      for (const double end : {0.0, 1.0}) {
        CAPTURE(path, prediction, end);
        const Flow f = flow(path, prediction, std::string(prediction) == "velocity" ? "none" : "likelihood");
        const Tensor t = torch::full({4}, end), x1 = golden["x1"], x0 = golden["x0"], output = golden["model_output"];
        const bool finite = torch::isfinite(f.loss_terms(output, x1, x0, t).loss).all().item<bool>();
        CHECK(f.finite_times().contain(end) == finite);
      }
}
