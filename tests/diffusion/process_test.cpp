// SPDX-License-Identifier: Apache-2.0
#include "diffusion/process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "catch.h"
#include "diffusion/gaussian.h"
#include "golden.h"

using dydit::Random;
using dydit::UsageError;
using dydit::diffusion::process_of;
using dydit::diffusion::process_spec_from_json;
using dydit::diffusion::ProcessSpec;
using dydit::diffusion::words;
using dydit::test::Golden;
using torch::Tensor;
using Json = nlohmann::ordered_json;

static constexpr double infinite = std::numeric_limits<double>::infinity();

static auto process(const ProcessSpec& spec) { return process_of(spec, /*learn_sigma=*/true, torch::kCPU); }

static std::string refusal(const Json& json) {
  try {
    process_spec_from_json(json, "profile.toml: process");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "none";
}

TEST_CASE("a process has the keys of its kind and says what it is") {
  const ProcessSpec diffusion{.noise_schedule = "cosine"},
      flow{.name = "flow", .path = "gvp", .prediction = "score", .loss_weight = "likelihood"};
  for (const ProcessSpec& spec : {ProcessSpec{}, diffusion, ProcessSpec{.name = "flow"}, flow})
    CHECK(process_spec_from_json(to_json(spec), "process") == spec);
  CHECK(process_spec_from_json(Json::object(), "process") == ProcessSpec{});
  CHECK(to_json(diffusion).dump() == R"({"name":"diffusion","noise_schedule":"cosine"})");
  CHECK(to_json(flow).dump() == R"({"name":"flow","path":"gvp","prediction":"score","loss_weight":"likelihood"})");
  CHECK(words(diffusion) == "epsilon diffusion, cosine schedule");
  CHECK(words({.name = "flow"}) == "flow matching, linear path, velocity");
  CHECK(words(flow) == "flow matching, gvp path, score, likelihood weight");
}

TEST_CASE("a process that cannot be is refused in one line with what is known") {
  const std::string where = "profile.toml: process.";
  for (const auto& [json, told] : std::vector<std::pair<Json, std::string>>{
           {{{"name", "ddpm"}}, where + "name = ddpm: known are diffusion, flow"},
           {{{"noise_schedule", "sigmoid"}}, where + "noise_schedule = sigmoid: known are linear, cosine"},
           {{{"name", "flow"}, {"path", "GVP"}}, where + "path = GVP: known are linear, gvp, vp"},
           {{{"name", "flow"}, {"prediction", "x0"}}, where + "prediction = x0: known are velocity, score, noise"},
           {{{"name", "flow"}, {"loss_weight", "snr"}},
            where + "loss_weight = snr: known are none, velocity, likelihood"},
           {{{"name", "flow"}, {"loss_weight", "velocity"}}, where + "loss_weight = velocity: leave it out"},
           {{{"name", "flow"}, {"noise_schedule", "linear"}}, where + "noise_schedule: known are loss_weight, name"},
           {{{"path", "linear"}}, where + "path: known are name, noise_schedule"},
           {{{"name", 1}}, where + "name: 1"},
           {Json("flow"), "profile.toml: process"}}) {
    CAPTURE(json.dump());
    const std::string line = refusal(json);
    CHECK(line.find(told) != std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
  }
  CHECK_THROWS_AS(process({.name = "ddpm"}), UsageError);
  CHECK_THROWS_AS(process({.noise_schedule = "sigmoid"}), UsageError);
}

TEST_CASE("the diffusion's process is the Gaussian diffusion") {
  using namespace dydit::diffusion;
  const Golden golden("diffusion_steps");
  const Tensor x = golden["x_start"], noise = golden["noise"], t = golden["t"], output = golden["model_output"];
  const bool learn_sigma = GENERATE(true, false);
  const Tables tables(betas(NoiseSchedule::linear, 1000));
  const GaussianDiffusion gaussian(tables, learn_sigma ? Variance::learned_range : Variance::fixed_large);
  const auto p = process_of({}, learn_sigma, torch::kCPU);
  const Tensor x_t = p->noised(x, noise, t);
  CHECK(torch::equal(x_t, gaussian.q_sample(x, t, noise)));
  const LossTerms ours = p->loss_terms(output, x, x_t, t, noise);
  const LossTerms theirs = gaussian.loss_terms(output, x, x_t, t, noise);
  CHECK(torch::equal(ours.loss, theirs.loss));
  CHECK(torch::equal(ours.vb_map, theirs.vb_map));
  CHECK(torch::equal(p->times({0, 7, 999}), torch::tensor({0, 7, 999}, torch::kInt64)));
  CHECK(p->even_times(4) == std::vector<double>{125, 375, 625, 875});
  CHECK(p->draw_of(999, 3) == 3999);
  CHECK(p->epsilon_factor(3) == 1);
  for (const std::size_t at : {0, 400, 999}) {
    const double a = tables.alphas_cumprod[at];
    CHECK(p->log_snr(static_cast<double>(at)) == Approx(std::log(a / (1 - a))));
  }
}

TEST_CASE("flow takes images toward noise by its time") {
  const Golden golden("sit_transport");
  const auto p = process({.name = "flow", .path = "gvp"});
  CHECK(torch::equal(p->times({0, 0.1, 1}), torch::tensor({0.0F, 0.1F, 1.0F})));
  const Tensor x1 = golden["x1"], x0 = golden["x0"], t = golden["t"], x_t = p->noised(x1, x0, t);
  CHECK(dydit::test::rel_l2(x_t, golden["xt.GVP"]) < 1e-5);
  CHECK(dydit::test::rel_l2(p->loss_terms(golden["model_output"], x1, x_t, t, x0).loss,
                            golden["loss.GVP.velocity.none"]) < 1e-5);
  CHECK(p->even_times(4) == std::vector<double>{0.125, 0.375, 0.625, 0.875});
  CHECK_THROWS_AS(p->even_times(0), UsageError);
  CHECK_THROWS_AS(p->even_times(1001), UsageError);
  // A section's middle is never an end that cannot be studied.
  for (const double at : process({.name = "flow", .prediction = "noise"})->even_times(1000))
    CHECK_NOTHROW(process({.name = "flow", .prediction = "noise"})->require_time(at, "at"));
}

TEST_CASE("times of training lie in their stratum and fill it") {
  const auto spec = GENERATE(ProcessSpec{}, ProcessSpec{.name = "flow"}, ProcessSpec{.name = "flow", .path = "vp"},
                             ProcessSpec{.name = "flow", .prediction = "score"});
  CAPTURE(words(spec));
  const auto p = process(spec);
  const double least = spec.prediction == "score" ? 1e-3 : 0;
  const double most = spec.name == "diffusion"     ? 1000
                      : spec.path == "vp"          ? 1 - 1e-5
                      : spec.prediction == "score" ? 1 - 1e-3
                                                   : 1;
  for (const std::int64_t strata : {1, 4})
    for (std::int64_t stratum = 0; stratum < strata; ++stratum) {
      const double part = (most - least) / static_cast<double>(strata);
      const double first = least + static_cast<double>(stratum) * part, end = first + part;
      double low = end, high = first;
      for (std::uint64_t image = 0; image < 2000; ++image) {
        Random random(5, dydit::Purpose::timestep, image);
        const double t = p->drawn_time(random, stratum, strata);
        low = std::min(low, t), high = std::max(high, t);
      }
      CHECK(low >= first);
      CHECK(high < end);
      CHECK(low < first + 0.02 * part);
      CHECK(high > end - 0.02 * part);
    }
}

TEST_CASE("the diffusion draws the timesteps that it always drew") {
  const auto p = process({});
  for (std::uint64_t image = 0; image < 100; ++image) {
    Random ours(7, dydit::Purpose::timestep, image, 3), plain = ours;
    CHECK(p->drawn_time(ours, 2, 3) == 666 + static_cast<double>(plain.below(334)));
    CHECK(p->drawn_time(ours, 0, 1) == static_cast<double>(plain.below(1000)));
  }
}

TEST_CASE("every time and draw has a noise of its own") {
  const auto diffusion = process({}), flow = process({.name = "flow"});
  std::set<std::int64_t> seen;
  std::size_t drawn = 0;
  for (const std::int64_t draw : {0, 1, 2, 500'000, 999'998, 999'999})
    for (int k = 0; k < 1000; ++k) {
      seen.insert(diffusion->draw_of(k, draw));
      for (const double first : {0.0, 0.3, 0.999001}) seen.insert(flow->draw_of(first + k * 1e-6, draw));  // neighbours
      drawn += 4;
    }
  CHECK(seen.size() == drawn);
  // Away from the draws of held-out images, 2^40 and a few.
  CHECK(std::ranges::none_of(
      seen, [](std::int64_t number) { return number >= std::int64_t{1} << 40 && number < std::int64_t{1} << 42; }));
}

TEST_CASE("a time that cannot be studied is refused with the reason") {
  const auto line = [](const ProcessSpec& spec, double t) -> std::string {
    try {
      process(spec)->require_time(t, "--at T");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "taken";
  };
  const ProcessSpec velocity{.name = "flow"}, vp{.name = "flow", .path = "vp"},
      noise{.name = "flow", .prediction = "noise"};
  for (const double t : {0.0, 7.0, 999.0}) CHECK(line({}, t) == "taken");
  for (const double t : {-1.0, 1000.0, 0.5, std::nan(""), infinite, -infinite})
    CHECK(line({}, t).find("--at T: give a whole number from 0 to 999") != std::string::npos);
  for (const double t : {0.0, 0.5, 1.0}) CHECK(line(velocity, t) == "taken");
  for (const double t : {-1e-9, 1.001, 500.0, std::nan(""), infinite})
    CHECK(line(velocity, t) == "value out of range: --at T: give a number from 0 to 1");
  CHECK(line(vp, 0) == "taken");
  CHECK(line(vp, 1).find("from 0 to below 1: with prediction velocity, formulas of the vp path") != std::string::npos);
  for (const double t : {0.0, 1.0, 1 - 1e-12, 1e-60})
    CHECK(line(noise, t).find("above 0 to below 1") != std::string::npos);
  CHECK(line(noise, 0.001) == "taken");
}
