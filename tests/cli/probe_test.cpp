// SPDX-License-Identifier: Apache-2.0
// dydit probe on the tiny checkpoints gives the official code's numbers.
#include <fmt/format.h>

#include <limits>

#include "catch.h"
#include "checkpoint/safetensors.h"
#include "diffusion/gaussian.h"
#include "dit/weights.h"
#include "dynamic_weights.h"
#include "probe.h"

using dydit::test::Arguments;
using dydit::test::check_close;
using dydit::test::Golden;
using dydit::test::golden_folder;
using dydit::test::Named;
using dydit::test::rel_l2;
using dydit::test::run_probe;
using dydit::test::tiny_weights;
using torch::Tensor;
namespace checkpoint = dydit::checkpoint;
namespace fs = std::filesystem;
namespace model = dydit::model;

// The tensors that a probe of `file` writes for `inputs`.
static Named probe(const std::string& kind, const fs::path& file, const Named& inputs, const Arguments& more,
                   const dydit::test::Before& before = {}) {
  Arguments arguments{"--checkpoint", file, "--num-heads", "4"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto probed = run_probe(kind, inputs, arguments, before);
  INFO(probed.outcome.err);
  REQUIRE(probed.outcome.code == 0);
  return probed.written;
}

TEST_CASE("probe forward writes the official outputs, plain and guided") {
  const auto [file, weights, name] = GENERATE(
      table<fs::path, const char*, const char*>({{tiny_weights(), "automatic", "dit_tiny"},
                                                 {golden_folder / "tiny_train.pt", "ema", "dit_tiny_train_ema"},
                                                 {golden_folder / "tiny_train.pt", "model", "dit_tiny_train_model"}}));
  const Golden golden(name);
  const Named plain{{"x", golden["x"]}, {"t", golden["t"]}, {"y", golden["y"]}};
  check_close(probe("forward", file, plain, {"--weights", weights}).at("output"), golden, "out");
  for (const double scale : golden.entry.at("config").at("cfg_scales")) {
    const Named inputs{{"x", golden["x_cfg"]}, {"t", golden["t_cfg"]}, {"y", golden["y_cfg"]}};
    const std::string text = fmt::format("{:.1f}", scale);
    const auto written = probe("forward", file, inputs, {"--weights", weights, "--cfg-scale", text});
    CHECK(written.size() == 1);
    check_close(written.at("output"), golden, "cfg." + text);
  }
}

TEST_CASE("probe forward of a DyDiT writes the official decisions, by either engine, and the complete model") {
  const dydit::test::DynamicWeights weights;
  const Golden& golden = weights.golden;
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const Named inputs{{"x", golden["x"]}, {"t", golden["t"]}, {"y", golden["y"]}};
  for (const Arguments& engine : std::vector<Arguments>{{}, {"--engine", "masked"}, {"--engine", "compact"}}) {
    const auto written = probe("forward", weights.file(), inputs, engine);
    CHECK(written.size() == 4);
    CHECK(rel_l2(written.at("output"), golden["out"]) <= tolerance);
    CHECK(torch::equal(written.at("head_mask"), golden["attn_mask"].to(torch::kFloat32)));
    CHECK(torch::equal(written.at("channel_mask"), golden["mlp_mask"].to(torch::kFloat32)));
    CHECK(torch::equal(written.at("token_mask"), golden["token_mask"].to(torch::kFloat32)));
  }
  const auto complete = probe("forward", weights.file(), inputs, {"--complete"});
  CHECK(complete.size() == 1);
  CHECK(rel_l2(complete.at("output"), golden["out_complete"]) <= tolerance);
}

TEST_CASE(
    "probe forward of a SiT: times from 0 to 1, the sigma half left out; the process is an option or stands in the "
    "file") {
  const dydit::test::TemporaryFolder folder;
  const Golden golden("sit_ode");
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const Named inputs{{"x", golden["z"]}, {"t", golden["t"]}, {"y", golden["y"]}};
  const auto written = probe("forward", tiny_weights(), inputs, {"--process", "flow"});
  CHECK(rel_l2(written.at("output"), golden["out"]) <= tolerance);
  CHECK(probe("forward", tiny_weights(), inputs, {}).at("output").size(1) == 8);  // as the diffusion has it

  const std::string sit = folder.path() / "sit.safetensors";
  dydit::dit::save_dit(sit, dydit::dit::load_dit(tiny_weights(), checkpoint::Weights::automatic, 4), torch::kFloat32,
                       {{"dydit.process", R"({"name": "flow", "path": "gvp", "prediction": "noise"})"}});
  const auto said = run_probe("forward", inputs, {"--checkpoint", sit});
  REQUIRE(said.outcome.code == 0);
  CHECK(said.outcome.err.find("process: flow matching, gvp path, noise\n") != std::string::npos);
  CHECK(torch::equal(said.written.at("output"), written.at("output")));
  const std::string info = dydit::test::run_dydit({"info", "--checkpoint", sit}).out;
  CHECK(info.find("\nprocess       flow matching, gvp path, noise\n") != std::string::npos);
  const auto otherwise = run_probe("forward", inputs, {"--checkpoint", sit, "--process", "diffusion"});
  CHECK(otherwise.outcome.code == 2);
  CHECK(otherwise.outcome.err.find("is of another process than what is asked for") != std::string::npos);
  const auto late =
      run_probe("forward", {{"x", golden["z"]}, {"t", golden["t"] + 1}, {"y", golden["y"]}}, {"--checkpoint", sit});
  CHECK((late.outcome.code == 3 && dydit::test::is_one_error(late.outcome.err)));
  const auto loss = run_probe("loss", inputs, {"--checkpoint", sit});
  CHECK((loss.outcome.code == 2 && dydit::test::is_one_error(loss.outcome.err)));
}

TEST_CASE("bfloat16 runs on a CPU whose instructions oneDNN cannot use for it") {
  const Golden golden("dit_tiny");
  const Named plain{{"x", golden["x"]}, {"t", golden["t"]}, {"y", golden["y"]}};
  const auto old_cpu = [] { ::setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1); };
  const Tensor output = probe("forward", tiny_weights(), plain, {"--dtype", "bfloat16"}, old_cpu).at("output");
  CHECK(rel_l2(output, golden["out"]) < 0.05);
}

TEST_CASE("probe loss measures the output of probe forward") {
  using namespace dydit::diffusion;
  const auto [schedule, variance] = GENERATE(table<std::string, std::string>(
      {{"linear", "learned-range"}, {"cosine", "learned-range"}, {"linear", "fixed-small"}}));
  const Golden golden("diffusion_steps");
  const Tensor x0 = golden["x_start"], noise = golden["noise"], t = golden["t"], y = torch::tensor({0, 3, 9, 10, 5});
  const GaussianDiffusion diffusion(Tables(betas(noise_schedule(schedule), 1000)), variance_named(variance));
  const Tensor x_t = diffusion.q_sample(x0, t, noise);
  const auto forward = probe("forward", tiny_weights(), {{"x", x_t}, {"t", t}, {"y", y}}, {});
  // With a fixed variance the probe's model still has both halves of the output.
  const LossTerms expected = diffusion.loss_terms(forward.at("output"), x0, x_t, t, noise);
  const auto written = probe("loss", tiny_weights(), {{"x0", x0}, {"noise", noise}, {"t", t}, {"y", y}},
                             {"--noise-schedule", schedule, "--variance", variance});
  CHECK(written.size() == 5);
  CHECK(rel_l2(written.at("mse"), expected.mse) <= 1e-5);
  CHECK(rel_l2(written.at("vb"), expected.vb) <= 1e-5);
  CHECK(rel_l2(written.at("loss"), expected.loss) <= 1e-5);
  CHECK(rel_l2(written.at("mse_map"), expected.mse_map) <= 1e-5);
  CHECK(rel_l2(written.at("vb_map"), expected.vb_map) <= 1e-5);
  CHECK(rel_l2(written.at("mse"), (noise - forward.at("output").narrow(1, 0, 4)).square().mean({1, 2, 3})) <= 1e-5);
}

TEST_CASE("probe refuses what does not fit the model") {
  const dydit::test::TemporaryFolder folder;
  const std::string tiny = tiny_weights(), output = folder.path() / "out.safetensors";
  const auto code = [&](const Arguments& more) {
    Arguments arguments{"probe", "forward", "--checkpoint", tiny, "--output", output, "--device", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto outcome = dydit::test::run_dydit(arguments);
    CHECK(dydit::test::is_one_error(outcome.err));
    CHECK_FALSE(std::filesystem::exists(output));
    return outcome.code;
  };
  const std::string input = Golden("dit_tiny").file();
  CHECK(code({"--input", input}) == 2);  // the number of heads is not told
  CHECK(code({"--input", input, "--num-heads", "5"}) == 2);
  CHECK(code({"--input", Golden("dit_s2").file(), "--num-heads", "4"}) == 3);
  CHECK(code({"--input", tiny, "--num-heads", "4"}) == 3);
  CHECK(code({"--input", input, "--num-heads", "4", "--engine", "compact"}) == 2);  // it has no routers
}

static Named transported(const Golden& golden) {
  return {{"x1", golden["x1"]}, {"x0", golden["x0"]}, {"t", golden["t"]}, {"model_output", golden["model_output"]}};
}

TEST_CASE("probe transport writes the official paths, losses, drifts and scores") {
  const auto [path, official, prediction, weight] =
      GENERATE(table<std::string, std::string, std::string, std::string>({{"linear", "Linear", "velocity", "none"},
                                                                          {"gvp", "GVP", "score", "likelihood"},
                                                                          {"vp", "VP", "noise", "velocity"}}));
  const Golden golden("sit_transport");
  const auto probed = run_probe("transport", transported(golden),
                                {"--path", path, "--prediction", prediction, "--loss-weight", weight});
  INFO(probed.outcome.err);
  REQUIRE(probed.outcome.code == 0);
  CHECK(probed.written.size() == 5);
  const double tolerance = golden.entry.at("tolerance").at(path == "vp" ? "VP rel_l2" : "fp32_rel_l2");
  const std::string of_prediction = "." + official + "." + prediction;
  CHECK(rel_l2(probed.written.at("xt"), golden["xt." + official]) <= tolerance);
  CHECK(rel_l2(probed.written.at("ut"), golden["ut." + official]) <= tolerance);
  CHECK(rel_l2(probed.written.at("loss"), golden["loss" + of_prediction + "." + weight]) <= tolerance);
  CHECK(rel_l2(probed.written.at("drift"), golden["drift" + of_prediction]) <= tolerance);
  CHECK(rel_l2(probed.written.at("score"), golden["score" + of_prediction]) <= tolerance);
}

TEST_CASE("probe transport refuses tensors that do not fit and names that are not known") {
  const Golden golden("sit_transport");
  const auto refused = [&](const std::string& name, const Tensor& tensor) {
    Named inputs = transported(golden);
    if (tensor.defined())
      inputs[name] = tensor;
    else
      inputs.erase(name);
    const auto probed = run_probe("transport", inputs, {});
    INFO(name << ": " << probed.outcome.err);
    CHECK(probed.outcome.code == 3);
    CHECK(dydit::test::is_one_error(probed.outcome.err));
    CHECK(probed.outcome.err.find(name) != std::string::npos);
    CHECK(probed.written.empty());
  };
  Tensor t = golden["t"], hole = golden["x1"];
  hole[1][2][3][4] = std::numeric_limits<float>::quiet_NaN();
  for (const char* name : {"x1", "x0", "t", "model_output"}) refused(name, {});
  refused("x0", golden["x0"].flatten());
  refused("x0", golden["x0"].narrow(2, 0, 4));
  refused("model_output", golden["model_output"].narrow(1, 0, 3));
  refused("t", t.view({4, 1}));
  refused("t", t.narrow(0, 0, 3));
  refused("t", t + 0.5);
  refused("t", t - 0.5);
  refused("x1", hole);
  refused("x1", torch::empty({0, 4, 8, 8}));
  for (const Arguments& wrong : std::vector<Arguments>{{"--path", "GVP"},
                                                       {"--prediction", "x0"},
                                                       {"--prediction", "noise", "--loss-weight", "snr"},
                                                       {"--loss-weight", "likelihood"},
                                                       {"--dtype", "bfloat16"}}) {
    const auto probed = run_probe("transport", transported(golden), wrong);
    INFO(probed.outcome.err);
    CHECK(probed.outcome.code == 2);
    CHECK(dydit::test::is_one_error(probed.outcome.err));
    CHECK(probed.written.empty());
  }
}
