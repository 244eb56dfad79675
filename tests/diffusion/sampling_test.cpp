// SPDX-License-Identifier: Apache-2.0
// Samplers on fields in the place of models: against diffusers, torchdiffeq and SiT, and their orders of convergence.
#include "diffusion/sampling.h"

#include <cmath>
#include <numbers>

#include "../../src/diffusion/sampling/flow_samplers.h"
#include "../../src/diffusion/sampling/levels.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "golden.h"
#include "model/tensors.h"

using namespace dydit;
using namespace dydit::diffusion;
using dydit::test::golden_folder;
using dydit::test::rel_l2;
using nlohmann::json;
using torch::Tensor;

namespace {

// A x + B sin(x + C t), and at which times it was asked.
struct Field {
  double a, b, c;
  std::shared_ptr<std::vector<double>> asked = std::make_shared<std::vector<double>>();

  Denoiser model() const {
    return [*this](const Tensor& x, double t) {
      asked->push_back(t);
      return a * x + b * (x + c * t).sin();
    };
  }
};

Tensor as_tensor(const checkpoint::Tensors& tensors, const std::string& name) {
  return model::to_torch(tensors.at(name)).clone();
}

// What a case of samplers.json asks for, in our words.
SamplingSpec spec_of(const json& of) {
  SamplingSpec spec{.sampler = of.at("sampler"), .steps = of.value("steps", of.value("num_steps", 0))};
  spec.spacing = of.value("timestep_spacing", "");
  if (of.contains("solver_order")) spec.order = of.at("solver_order").get<int>();
  if (of.contains("eta")) spec.eta = of.at("eta").get<double>();
  if (of.value("algorithm_type", "") == "sde-dpmsolver++") spec.eta = 1;
  if (spec.sampler == "heun2") spec.sampler = "heun";
  if (of.contains("atol")) spec.atol = of.at("atol").get<double>(), spec.rtol = of.at("rtol").get<double>();
  spec.diffusion = of.value("diffusion_form", "") == "SBDM" ? "sbdm" : of.value("diffusion_form", "");
  if (spec.sampler == "sde") spec.method = of.value("method", "") == "Heun" ? "heun" : "euler";
  return spec;
}

ProcessSpec process_of(const json& of) {
  ProcessSpec process{.name = of.at("process")};
  process.path = of.value("path", process.path);
  process.prediction = of.value("prediction", process.prediction);
  return process;
}

}  // namespace

TEST_CASE("samplers end where diffusers, torchdiffeq and SiT do, and ask the model at the same times") {
  const auto described = json::parse(read_file(golden_folder / "samplers.json"));
  const auto tensors = checkpoint::read_safetensors(golden_folder / "samplers.safetensors").tensors;
  int compared = 0;
  for (const json& of : described.at("cases")) {
    const std::string name = of.at("name");
    INFO(name);
    const auto sampler = sampler_of(spec_of(of), process_of(of), /*learn_sigma=*/false);
    const auto& f = of.at("field");
    const Field field{f[0], f[1], f[2]};
    Trajectory along{.model = field.model()};
    if (tensors.contains("noise." + name))
      along.noise = [noise = as_tensor(tensors, "noise." + name)](std::int64_t step) { return noise[step]; };
    CHECK(sampler->stochastic() == static_cast<bool>(along.noise));
    const Tensor x = as_tensor(tensors, "x_T").to(torch::kFloat64);
    const Tensor final = sampler->sample(x, along);
    CHECK(final.scalar_type() == torch::kFloat64);
    ++compared;
    if (of.at("sampler") == "dopri5") {  // its steps are its own: within its tolerance
      CHECK(rel_l2(final, as_tensor(tensors, "final." + name)) <= 100 * of.at("rtol").get<double>());
      continue;
    }
    CHECK(rel_l2(final, as_tensor(tensors, "final." + name)) <= of.at("tolerance").at("fp32_rel_l2"));
    CHECK(rel_l2(sampler->sample(x.to(torch::kFloat32), along), as_tensor(tensors, "final." + name)) <=
          2 * of.at("tolerance").at("fp32_rel_l2").get<double>());
    const Tensor visited = as_tensor(tensors, "timesteps." + name).to(torch::kFloat64);
    field.asked->resize(field.asked->size() / 2);
    CHECK(torch::allclose(torch::tensor(*field.asked, torch::kFloat64), visited.flatten(), 0, 1e-9));
    CHECK(torch::allclose(torch::tensor(sampler->times(), torch::kFloat64), visited.flatten(), 0, 1e-9));
  }
  CHECK(compared == 44);
}

TEST_CASE("ten steps of DDIM, DPM-Solver++ and UniPC are those of diffusers") {
  const test::Golden golden("solvers_10");
  const Field field{0.3, 0.1, 0.001};
  for (const char* spacing : {"linspace", "trailing", "leading"})
    for (const auto& [name, sampler, order] :
         {std::tuple{"dpmpp2m", "dpmpp", 2}, {"unipc2", "unipc", 2}, {"ddim", "ddim", 0}, {"dpmpp1", "dpmpp", 1}}) {
      const std::string key = std::string(name) + "_" + spacing;
      if (!golden.tensors.contains("final." + key)) continue;
      INFO(key);
      SamplingSpec spec{.sampler = sampler, .steps = 10, .spacing = spacing};
      if (order > 0) spec.order = order;
      const auto made = sampler_of(spec, {}, false);
      const Tensor final = made->sample(golden["x_T"], {.model = field.model()});
      CHECK(rel_l2(final, golden["final." + key]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
      CHECK(
          torch::equal(torch::tensor(made->times(), torch::kFloat64), golden["timesteps." + key].to(torch::kFloat64)));
    }
}

namespace {

// Images of variance `data`: the noise of x = alpha image + sigma noise is expected to be sigma x / (alpha^2 data +
// sigma^2), and the probability flow keeps x over the root of its variance.
struct Gaussian {
  double data = 0.25;
  double variance(const Level& at) const { return at.alpha * at.alpha * data + at.sigma * at.sigma; }
};

// Levels between two log ratios in equal steps; their times are their numbers.
std::vector<Level> levels_between(double from, double to, int steps) {
  std::vector<Level> levels;
  for (int i = 0; i <= steps; ++i) {
    const double ratio = std::exp(from + (to - from) * i / steps);  // alpha / sigma
    levels.push_back({static_cast<double>(i), ratio / std::hypot(1, ratio), 1 / std::hypot(1, ratio)});
  }
  return levels;
}

std::vector<Step> steps_over(const std::vector<Level>& levels) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) steps.push_back({levels[i], levels[i + 1]});
  return steps;
}

using Make = std::function<std::unique_ptr<Sampler>(std::vector<Step>)>;

// The error at the end of so many steps over the same way.
double error_of(const Make& make, int steps) {
  const Gaussian images;
  const auto levels = levels_between(-1, 1.5, steps);
  const Denoiser model = [&](const Tensor& x, double time) {
    const Level& at = levels[static_cast<std::size_t>(time)];
    return at.sigma / images.variance(at) * x;
  };
  const Tensor x = torch::ones({1, 1, 1, 1}, torch::kFloat64) * std::sqrt(images.variance(levels.front()));
  const double end = make(steps_over(levels))->sample(x, {.model = model}).item<double>();
  return std::abs(end / std::sqrt(images.variance(levels.back())) - 1);
}

double slope_of(const std::function<double(int)>& error, int steps) {
  return std::log2(error(steps) / error(2 * steps));
}

}  // namespace

TEST_CASE("one-step methods of the diffusion have the global order that they claim") {
  const auto slope = [](const Make& make) { return slope_of([&](int steps) { return error_of(make, steps); }, 64); };
  CHECK(slope([](auto steps) { return ddim(std::move(steps), 0, false); }) == Approx(1).margin(0.15));
  CHECK(slope([](auto steps) { return probability_flow(std::move(steps), false, false); }) == Approx(1).margin(0.15));
  CHECK(slope([](auto steps) { return probability_flow(std::move(steps), true, false); }) == Approx(2).margin(0.15));
  CHECK(slope([](auto steps) { return dpm_solver(std::move(steps), 1, 0, false); }) == Approx(1).margin(0.15));
}

namespace {

// An image that changes smoothly with the log ratio between -1 and 1 and is nothing before and after, whatever x is: a
// method of several steps begins with an exact history, and ends in steps of lower order that are exact.
double bump(double log_ratio) { return log_ratio * log_ratio < 1 ? std::pow(1 - log_ratio * log_ratio, 5) : 0; }

double error_of_bump(const Make& make, int steps) {
  const auto levels = levels_between(-2, 2, steps);
  const Denoiser model = [&](const Tensor& x, double time) {
    const Level& at = levels[static_cast<std::size_t>(time)];
    return (x - at.alpha * bump(at.log_ratio())) / at.sigma;
  };
  // x / sigma grows by the integral of e^l bump(l) (DPM-Solver++, eq. 8); Simpson's rule.
  double integral = 0;
  for (int i = 0, n = 20'000; i <= n; ++i) {
    const double l = -1 + 2.0 * i / n;
    integral += (i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2) * std::exp(l) * bump(l) * 2 / n / 3;
  }
  const Tensor x = torch::ones({1, 1, 1, 1}, torch::kFloat64);
  const double exact = levels.back().sigma * (1 / levels.front().sigma + integral);
  return std::abs(make(steps_over(levels))->sample(x, {.model = model}).item<double>() - exact);
}

}  // namespace

TEST_CASE("from exact history the methods of several steps have the global order that they claim") {
  const auto slope = [](const Make& make) {
    return slope_of([&](int steps) { return error_of_bump(make, steps); }, 128);
  };
  for (const int order : {1, 2, 3}) {
    INFO(order);
    // The third order of DPM-Solver++ gives its second difference half of its weight (in the authors' code, hence
    // everywhere): it is of order 3 locally and of order 2 globally.
    CHECK(slope([&](auto steps) { return dpm_solver(std::move(steps), order, 0, false); }) ==
          Approx(std::min(order, 2)).margin(0.15));
    // The corrector adds one.
    CHECK(slope([&](auto steps) { return unipc(std::move(steps), order, false); }) == Approx(order + 1).margin(0.15));
  }
}

TEST_CASE("a step of DPM-Solver++ from exact history has the local order that it claims") {
  // The image is the cosine of the log ratio; the integral of e^l cos l is e^l (cos l + sin l) / 2.
  const auto local_error = [](int order, double size) {
    constexpr int count = 16, looked_at = 4;  // a way of fewer steps lowers its order at its end
    const auto levels = levels_between(-1, -1 + count * size, count);
    const Denoiser model = [&](const Tensor& x, double time) {
      const Level& at = levels[static_cast<std::size_t>(time)];
      return (x - at.alpha * std::cos(at.log_ratio())) / at.sigma;
    };
    std::vector<double> found;
    const auto after = [&](std::int64_t, const Tensor& x) { found.push_back(x.item<double>()); };
    dpm_solver(steps_over(levels), order, 0, false)
        ->sample(torch::zeros({1, 1, 1, 1}, torch::kFloat64), {.model = model, .after = after});
    const auto integral = [](const Level& at) {
      return std::exp(at.log_ratio()) * (std::cos(at.log_ratio()) + std::sin(at.log_ratio())) / 2;
    };
    const Level &from = levels[looked_at - 1], &to = levels[looked_at];
    const double exact = to.sigma * (found[looked_at - 2] / from.sigma + integral(to) - integral(from));
    return std::abs(found[looked_at - 1] - exact);
  };
  const auto slope = [&](int order) { return std::log2(local_error(order, 0.004) / local_error(order, 0.002)); };
  CHECK(slope(1) == Approx(2).margin(0.15));
  CHECK(slope(2) == Approx(3).margin(0.15));
  CHECK(slope(3) == Approx(3).margin(0.15));
}

TEST_CASE("methods of flow matching have the global order that they claim, dopri5 keeps its tolerance") {
  const Flow flow(flow_kind({.name = "flow"}));
  const Field field{-2, 4, 3};
  const Tensor x = torch::linspace(-1, 1, 8, torch::kFloat64).view({2, 1, 2, 2});
  const auto run = [&](const std::unique_ptr<Sampler>& sampler) {
    return sampler->sample(x, {.model = field.model()});
  };
  const Tensor exact = run(flow_ode(flow, {0, 1}, 4001, "rk4"));
  for (const auto& [method, order] : {std::pair{"euler", 1}, {"heun", 2}, {"rk4", 4}}) {
    INFO(method);
    const auto error = [&](int steps) {
      return (run(flow_ode(flow, {0, 1}, steps + 1, method)) - exact).abs().max().item<double>();
    };
    CHECK(slope_of(error, 64) == Approx(order).margin(0.15));
  }
  for (const double tolerance : {1e-3, 1e-5, 1e-7, 1e-9}) {
    field.asked->clear();
    const Tensor error = (run(dopri5(flow, {0, 1}, tolerance, tolerance)) - exact).abs() / (1 + exact.abs());
    INFO(tolerance);
    CHECK(error.max().item<double>() < 10 * tolerance);
    CHECK(*std::ranges::max_element(*field.asked) <= 1);
  }
  CHECK(field.asked->size() < 1000);
  CHECK_THROWS_AS(
      dopri5(flow, {0, 1}, 1e-9, 1e-9)->sample(x, {.model = [](const Tensor& at, double) { return 4 * at.square(); }}),
      RunError);
  const auto huge = [](const Tensor& at, double) {
    return torch::full_like(at, std::numeric_limits<double>::infinity());
  };
  CHECK_THROWS_AS(dopri5(flow, {0, 1}, 1e-3, 1e-3)->sample(x, {.model = huge}), NotFinite);
}

TEST_CASE("guidance runs both halves in one batch, and the conditional one alone where it does not act") {
  std::vector<std::int64_t> batches;
  const Halves model = [&](const Tensor& x, double, bool halves) {
    batches.push_back(x.size(0));
    Tensor labels = torch::ones({x.size(0), 1, 1, 1});
    if (halves) labels.narrow(0, x.size(0) / 2, x.size(0) / 2).zero_();
    return torch::cat({x + labels, x + 10 * labels}, 1);
  };
  const Tensor x = torch::rand({2, 4, 2, 2});
  const Tensor out = guided({.scale = 3, .from = 100, .to = 200}, model)(x, 150);
  CHECK(torch::allclose(out.narrow(1, 0, 3), x.narrow(1, 0, 3) + 3));
  CHECK(torch::allclose(out.narrow(1, 3, 1),
                        x.narrow(1, 3, 1) + 1));  // the fourth channel is that of the conditional half
  CHECK(torch::allclose(out.narrow(1, 4, 4), x + 10));
  CHECK(torch::allclose(guided({.scale = 3, .channels = 4}, model)(x, 150).narrow(1, 0, 4), x + 3));
  CHECK(torch::allclose(guided({.scale = 3, .from = 100, .to = 200}, model)(x, 201).narrow(1, 0, 4), x + 1));
  CHECK(torch::allclose(guided({}, model)(x, 150).narrow(1, 0, 4), x + 1));
  CHECK(batches == std::vector<std::int64_t>{4, 4, 2, 2});
}

TEST_CASE("options of sampling are read as they are written, those that nobody gave left out") {
  const auto schema = sampling_schema();
  for (const SamplingSpec& spec :
       {SamplingSpec{}, SamplingSpec{.sampler = "sde", .steps = 9, .diffusion = "sbdm", .method = "heun"}}) {
    const auto written = schema.to_json(spec);
    CHECK(written.contains("diffusion") == !spec.diffusion.empty());
    CHECK(schema.to_json(schema.from_json(written, "sampling")) == written);
  }
}

TEST_CASE("a sampler refuses what it does not have") {
  const auto of = [](SamplingSpec spec, const char* process = "diffusion") {
    return sampler_of(spec, {.name = process}, false);
  };
  CHECK_THROWS_WITH(of({.sampler = "plms"}), Catch::Contains("known are ddpm, ddim, dpmpp, unipc, euler, heun"));
  CHECK_THROWS_WITH(of({.sampler = "ddim"}, "flow"), Catch::Contains("known are euler, heun, rk4, dopri5, sde"));
  CHECK_THROWS_WITH(of({.sampler = "ddim", .order = 2}), Catch::Contains("order: it has spacing, eta, clip_denoised"));
  CHECK_THROWS_AS(of({.sampler = "dpmpp", .order = 4}), UsageError);
  CHECK_THROWS_AS(of({.sampler = "dpmpp", .order = 3, .eta = 1}), UsageError);
  CHECK_THROWS_AS(of({.sampler = "ddim", .eta = std::nan("")}), UsageError);
  CHECK_THROWS_AS(of({.sampler = "ddim", .steps = 0}), UsageError);
  CHECK_THROWS_AS(of({.sampler = "ddim", .steps = 1001}), UsageError);
  CHECK_THROWS_WITH(of({.sampler = "dpmpp", .steps = 1000}), Catch::Contains("visits a timestep twice"));
  CHECK_THROWS_AS(of({.sampler = "ddim", .steps = 70, .spacing = "ddim"}), UsageError);
  CHECK_THROWS_WITH(of({.sampler = "ddim", .spacing = "karras"}), Catch::Contains("give even, ddim"));
  CHECK_THROWS_AS(of({.sampler = "euler", .steps = 1}, "flow"), UsageError);
  CHECK_THROWS_WITH(of({.sampler = "sde", .diffusion = "constant"}, "flow"),
                    Catch::Contains("give sigma, sbdm or linear"));
  for (const SamplerRow& row : samplers())
    for (const std::int64_t steps : {2, 3, 61, 250}) {
      INFO(row.name << " " << steps);
      const auto sampler = of({.sampler = row.name, .steps = steps}, row.process.c_str());
      const Field field{0.3, 0.1, 0.001};
      const Tensor x = torch::ones({1, 1, 1, 1});
      CHECK(sampler->sample(x, {.model = field.model(), .noise = [&](std::int64_t) { return x; }})
                .isfinite()
                .all()
                .item<bool>());
    }
}
