// SPDX-License-Identifier: Apache-2.0
// One step of the diffusion against the official code, on the outputs of a made-up model.
#include "diffusion/gaussian.h"

#include <torch/autograd.h>

#include <numbers>

#include "base/error.h"
#include "catch.h"
#include "golden.h"

using dydit::diffusion::GaussianDiffusion;
using dydit::diffusion::LossTerms;
using dydit::diffusion::MeanVariance;
using dydit::diffusion::Variance;
using dydit::test::Golden;
using dydit::test::max_abs;
using dydit::test::rel_l2;
using torch::Tensor;

static GaussianDiffusion diffusion(Variance variance) {
  using namespace dydit::diffusion;
  return {Tables(betas(NoiseSchedule::linear, 1000)), variance};
}

// A model without learned variance gives the first values of the same formula.
static Tensor output_for(const Golden& golden, Variance variance) {
  const Tensor output = golden["model_output"];
  if (variance == Variance::learned_range) return output;
  return output.flatten().narrow(0, 0, golden["x_start"].numel()).view_as(golden["x_start"]);
}

static LossTerms losses(const Golden& golden, Variance variance, const Tensor& output) {
  return diffusion(variance).loss_terms(output, golden["x_start"], golden["q_sample"], golden["t"], golden["noise"]);
}

static void check_near(const Golden& golden, const std::string& name, const Tensor& actual) {
  INFO(name);
  CHECK(rel_l2(actual, golden[name]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
}

// Of each image's loss.
static void check_relative(const Golden& golden, const std::string& name, const Tensor& actual, double tolerance) {
  INFO(name);
  const Tensor expected = golden[name];
  CHECK(max_abs(actual / expected, torch::ones_like(expected)) <= tolerance);
}

TEST_CASE("the forward process and its posterior are the official ones") {
  const Golden golden("diffusion_steps");
  const auto d = diffusion(Variance::learned_range);
  const Tensor x_start = golden["x_start"], t = golden["t"];
  check_near(golden, "q_sample", d.q_sample(x_start, t, golden["noise"]));
  const MeanVariance q = d.q_mean_variance(x_start, t), posterior = d.q_posterior(x_start, golden["q_sample"], t);
  check_near(golden, "q_mean", q.mean);
  check_near(golden, "q_variance", q.variance);
  check_near(golden, "q_log_variance", q.log_variance);
  check_near(golden, "posterior_mean", posterior.mean);
  check_near(golden, "posterior_variance", posterior.variance);
  check_near(golden, "posterior_log_variance", posterior.log_variance);
}

TEST_CASE("the model's mean and variance are the official ones") {
  const auto [variance, clip, name] =
      GENERATE(table<Variance, bool, std::string>({{Variance::learned_range, false, "clip0"},
                                                   {Variance::learned_range, true, "clip1"},
                                                   {Variance::fixed_large, true, "fixed_large"},
                                                   {Variance::fixed_small, true, "fixed_small"}}));
  const Golden golden("diffusion_steps");
  const MeanVariance p =
      diffusion(variance).p_mean_variance(output_for(golden, variance), golden["q_sample"], golden["t"], clip);
  check_near(golden, "p_mean_variance_" + name + ".mean", p.mean);
  check_near(golden, "p_mean_variance_" + name + ".variance", p.variance);
  check_near(golden, "p_mean_variance_" + name + ".log_variance", p.log_variance);
  check_near(golden, "p_mean_variance_" + name + ".pred_xstart", p.pred_xstart);
}

TEST_CASE("the losses of a learned variance are the official ones") {
  const Golden golden("diffusion_steps");
  const LossTerms terms = losses(golden, Variance::learned_range, golden["model_output"]);
  check_relative(golden, "loss_terms.mse", terms.mse, 1e-5);
  check_relative(golden, "loss_terms.vb", terms.vb, 2e-5);
  check_relative(golden, "loss_terms.loss", terms.loss, 1e-5);
  check_near(golden, "pixel.mse", terms.mse_map);
  CHECK(max_abs(terms.vb_map, golden["pixel.vb_bits"]) <= 4e-4);
  const Tensor first = (golden["t"] == 0).view({-1, 1, 1, 1});
  REQUIRE(first.any().item<bool>());
  CHECK(max_abs(terms.vb_map * std::numbers::ln2,
                torch::where(first, golden["pixel.decoder_nll_nats"], golden["pixel.kl_nats"])) <= 4e-4);
}

TEST_CASE("the loss of a fixed variance is the error of epsilon alone") {
  const auto [variance, name] = GENERATE(table<Variance, std::string>(
      {{Variance::fixed_large, "loss_terms_fixed_large"}, {Variance::fixed_small, "loss_terms_fixed_small"}}));
  const Golden golden("diffusion_steps");
  const LossTerms terms = losses(golden, variance, output_for(golden, variance));
  check_relative(golden, name + ".mse", terms.mse, 1e-5);
  check_relative(golden, name + ".loss", terms.loss, 1e-5);
  CHECK(torch::equal(terms.loss, terms.mse));
  CHECK(torch::isfinite(terms.vb).all().item<bool>());
}

TEST_CASE("an image's losses do not depend on the others of the batch") {
  const Golden golden("diffusion_steps");
  const LossTerms batch = losses(golden, Variance::learned_range, golden["model_output"]);
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto row = [&](const char* name) { return golden[name].narrow(0, i, 1); };
    const LossTerms alone =
        diffusion(Variance::learned_range)
            .loss_terms(row("model_output"), row("x_start"), row("q_sample"), row("t"), row("noise"));
    CHECK(torch::equal(alone.mse_map, batch.mse_map.narrow(0, i, 1)));
    CHECK(rel_l2(alone.vb_map, batch.vb_map.narrow(0, i, 1)) <= 1e-6);
  }
}

TEST_CASE("each half of the output learns from its own term") {
  const Golden golden("diffusion_steps");
  const Tensor output = golden["model_output"].requires_grad_();
  const LossTerms terms = losses(golden, Variance::learned_range, output);
  const auto gradient = [&](const Tensor& term) { return torch::autograd::grad({term.sum()}, {output}, {}, true)[0]; };
  const auto count = [](const Tensor& halves, std::int64_t first) {
    return halves.narrow(1, first, 4).count_nonzero().item<std::int64_t>();
  };
  const Tensor of_mse = gradient(terms.mse), of_vb = gradient(terms.vb), of_loss = gradient(terms.loss);
  CHECK(count(of_mse, 0) > 0);
  CHECK(count(of_mse, 4) == 0);
  CHECK(count(of_vb, 0) == 0);
  CHECK(count(of_vb, 4) > 0);
  CHECK(rel_l2(of_loss, of_mse + of_vb) <= 1e-6);
}

TEST_CASE("a variance that cannot be is refused") {
  CHECK(dydit::diffusion::variance_named("fixed-small") == Variance::fixed_small);
  CHECK(dydit::diffusion::variance_named("fixed-large") == Variance::fixed_large);
  CHECK(dydit::diffusion::variance_named("learned-range") == Variance::learned_range);
  CHECK_THROWS_AS(dydit::diffusion::variance_named("learned"), dydit::UsageError);
  const Golden golden("diffusion_steps");
  CHECK_THROWS_AS(losses(golden, Variance::learned_range, golden["noise"]), dydit::UsageError);
}
