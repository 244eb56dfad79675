// SPDX-License-Identifier: Apache-2.0
// dydit probe sample gives the trajectories of the official code.
#include <fmt/format.h>

#include "catch.h"
#include "dynamic_weights.h"
#include "probe.h"

using dydit::test::Arguments;
using dydit::test::Golden;
using dydit::test::golden_folder;
using dydit::test::is_one_error;
using dydit::test::Named;
using dydit::test::rel_l2;
using dydit::test::run_probe;
using dydit::test::tiny_weights;
using torch::Tensor;

namespace {

// Of the conditional half: the goldens' batches are both halves.
Tensor half(const Tensor& both, std::int64_t dimension = 0) {
  return both.narrow(dimension, 0, both.size(dimension) / 2).contiguous();
}

Named sample(const Named& inputs, const Arguments& arguments) {
  const auto probed = run_probe("sample", inputs, arguments);
  INFO(probed.outcome.err);
  REQUIRE(probed.outcome.code == 0);
  CHECK(probed.written.size() == 2);
  return probed.written;
}

std::vector<double> numbers(const Tensor& tensor) {
  const Tensor doubles = tensor.to(torch::kFloat64).contiguous();
  return {doubles.data_ptr<double>(), doubles.data_ptr<double>() + doubles.numel()};
}

}  // namespace

TEST_CASE("whole trajectories with guidance end where the official ones do") {
  for (const char* name : {"traj_ddim10", "traj_ddim10_clip_ema", "traj_ddpm5"}) {
    INFO(name);
    const Golden golden(name);
    const auto& config = golden.entry.at("config");
    const bool ddpm = config.at("method") == "ddpm";
    Named inputs{{"x_T", half(golden["z"])}, {"y", half(golden["y"])}};
    if (ddpm) inputs["noise"] = half(golden["noises"], 1);
    Arguments arguments{"--checkpoint", config.at("clip_denoised") ? golden_folder / "tiny_train.pt" : tiny_weights(),
                        "--num-heads",  "4",
                        "--sampler",    config.at("method"),
                        "--steps",      ddpm ? "5" : "10",
                        "--spacing",    ddpm ? "even" : "ddim",
                        "--cfg-scale",  "1.5"};
    if (config.at("clip_denoised")) arguments.push_back("--clip-denoised");
    const auto written = sample(inputs, arguments);
    CHECK(rel_l2(written.at("sample"), half(golden["final"])) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
    CHECK(numbers(written.at("timesteps")) == config.at("timesteps").get<std::vector<double>>());
    CHECK(written.at("timesteps").scalar_type() == torch::kFloat64);
  }
}

TEST_CASE("the probability flow of a SiT ends where the official one does") {
  const Golden golden("sit_ode");
  for (const char* scale : {"1.0", "1.5"})
    for (const auto& [method, sampler] : {std::pair{"euler", "euler"}, {"heun2", "heun"}}) {
      INFO(method << " " << scale);
      const auto written = sample({{"x_T", half(golden["z"])}, {"y", half(golden["y"])}},
                                  {"--checkpoint", tiny_weights(), "--num-heads", "4", "--process", "flow", "--sampler",
                                   sampler, "--steps", "10", "--cfg-scale", scale});
      const Tensor final = golden[fmt::format("ode_{}.cfg{}", method, scale)];
      CHECK(rel_l2(written.at("sample"), half(final)) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
    }
}

TEST_CASE("solvers are tried on a field in the place of a model") {
  const Golden golden("solvers_10");
  const Named inputs{{"x_T", golden["x_T"]}};
  const auto written =
      sample(inputs, {"--field", "0.3,0.1,0.001", "--sampler", "unipc", "--steps", "10", "--spacing", "trailing"});
  CHECK(rel_l2(written.at("sample"), golden["final.unipc2_trailing"]) <=
        golden.entry.at("tolerance").at("fp32_rel_l2"));
  CHECK(numbers(written.at("timesteps")) == numbers(golden["timesteps.unipc2_trailing"]));
  const auto flow = sample(inputs, {"--field", "-1,0,0", "--process", "flow", "--sampler", "rk4", "--steps", "11"});
  CHECK(rel_l2(flow.at("sample"), golden["x_T"].to(torch::kFloat64) * std::exp(-1)) < 1e-6);
}

TEST_CASE("a dynamic model is sampled by any engine to the same images") {
  const dydit::test::DynamicWeights weights;
  const Golden& golden = weights.golden;
  const Named inputs{{"x_T", golden["x"]}, {"y", golden["y"]}};
  const auto of = [&](const char* engine) {
    return sample(inputs, {"--checkpoint", weights.file(), "--num-heads", "4", "--engine", engine, "--steps", "5",
                           "--cfg-scale", "2"})
        .at("sample");
  };
  CHECK(rel_l2(of("compact"), of("masked")) < 1e-4);
}

TEST_CASE("what cannot be sampled is refused in one line") {
  const Golden golden("solvers_10");
  const Named inputs{{"x_T", golden["x_T"]}};
  const auto code = [&](const Named& given, const Arguments& arguments) {
    const auto outcome = run_probe("sample", given, arguments).outcome;
    INFO(outcome.err);
    CHECK(is_one_error(outcome.err));
    return outcome.code;
  };
  CHECK(code(inputs, {}) == 2);
  CHECK(code(inputs, {"--field", "1,2"}) == 2);
  CHECK(code(inputs, {"--field", "1,2,x"}) == 2);
  CHECK(code(inputs, {"--field", "1,2,3", "--sampler", "rk4"}) == 2);
  CHECK(code(inputs, {"--field", "1,2,3", "--order", "2"}) == 2);
  CHECK(code(inputs, {"--field", "1,2,3", "--sampler", "ddpm"}) == 3);  // its noise is missing
  CHECK(code({{"x_T", golden["x_T"]}, {"noise", golden["x_T"].unsqueeze(0)}},
             {"--field", "1,2,3", "--sampler", "ddpm"}) == 3);
  CHECK(code(inputs, {"--checkpoint", tiny_weights(), "--num-heads", "4"}) == 3);
  CHECK(code({{"x_T", golden["x_T"]}, {"y", torch::tensor({0, 11})}},
             {"--checkpoint", tiny_weights(), "--num-heads", "4"}) == 3);
  CHECK(code(inputs, {"--field", "1e6,0,0", "--steps", "50"}) == 4);  // not finite
}

TEST_CASE("caches of a trajectory are asked for by their names") {
  const dydit::test::DynamicWeights file("cache_taylor");
  const Golden& golden = file.golden;
  const std::string weights = file.file();
  const Named inputs{{"x_T", golden["z"]}, {"y", golden["y"]}};
  const auto run = [&](const Arguments& more) {
    Arguments arguments{"--checkpoint", weights, "--num-heads", "4",   "--sampler",      "ddim",
                        "--steps",      "20",    "--cfg-scale", "1.5", "--clip-denoised"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_probe("sample", inputs, arguments);
  };
  const auto cached = run({"--cache", "taylorseer:3,2"});
  INFO(cached.outcome.err);
  REQUIRE(cached.outcome.code == 0);
  CHECK(rel_l2(cached.written.at("sample"), golden["final.iv3.o2"]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
  std::vector<std::int64_t> full;
  const auto flags = numbers(cached.written.at("full"));
  CHECK(flags.size() == 20);
  for (std::size_t step = 0; step < flags.size(); ++step)
    if (flags[step] != 0) full.push_back(static_cast<std::int64_t>(step));
  CHECK(full == golden.entry.at("config").at("full_steps").at("iv3").get<std::vector<std::int64_t>>());
  for (const Arguments& wrong : std::initializer_list<Arguments>{{"--cache", "lru:3"},
                                                                 {"--cache", "deepcache:2,1..3"},
                                                                 {"--cache", "fora:2,3"},
                                                                 {"--cache", "{\"full\": [20]}"}}) {
    const auto outcome = run(wrong).outcome;
    INFO(outcome.err);
    CHECK(is_one_error(outcome.err));
    CHECK(outcome.code == 2);
  }
  const auto adaptive = run_probe(
      "sample", inputs,
      {"--checkpoint", weights, "--num-heads", "4", "--process", "flow", "--sampler", "dopri5", "--cache", "fora:2"});
  CHECK(is_one_error(adaptive.outcome.err));
  CHECK(adaptive.outcome.code == 2);
}
