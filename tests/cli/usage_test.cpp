// SPDX-License-Identifier: Apache-2.0
// Exit codes and messages of the contract.
#include <fstream>

#include "catch.h"
#include "golden_weights.h"
#include "process.h"
#include "test_folder.h"

using dydit::test::Arguments;
using dydit::test::is_one_error;
using dydit::test::run_dydit;

TEST_CASE("every subcommand explains itself with an example") {
  const Arguments command =
      GENERATE(Arguments{"info"}, Arguments{"train"}, Arguments{"study", "loss-gap"}, Arguments{"study", "loss-map"},
               Arguments{"report"}, Arguments{"reproduce"}, Arguments{"probe", "forward"}, Arguments{"probe", "loss"},
               Arguments{"probe", "sample"}, Arguments{"probe", "vae"}, Arguments{"probe", "transport"},
               Arguments{"data", "encode"}, Arguments{"export"}, Arguments{"sample"}, Arguments{"costs"});
  Arguments arguments = command;
  arguments.push_back("--help");
  const auto outcome = run_dydit(arguments);
  CAPTURE(command);
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("Example: dydit " + command.front()) != std::string::npos);
  CHECK(outcome.err.empty());
  for (const char* option : {"--device", "--dtype", "--threads", "--seed", "--quiet"})
    CHECK(outcome.out.find(option) != std::string::npos);
}

TEST_CASE("errors are one line, with the exit code of the contract") {
  const dydit::test::TemporaryFolder folder;
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(folder.path() / name) << text;
    return (folder.path() / name).string();
  };
  const std::string unknown = write("unknown.toml", "sed = 1"), broken = write("broken.toml", "seed ="),
                    lacking = write("lacking.toml",
                                    "data = { path = \"gone.zip\" }\nloss-gap = {}\n"
                                    "models = [{ name = \"a\", checkpoint = \"gone.pt\" }]"),
                    weightless = write("weightless.toml",
                                       "data = { path = \"synthetic:9\" }\nloss-gap = {}\n"
                                       "models = [{ name = \"W\" }]");
  struct Case {
    Arguments arguments;
    int code;
    const char* named;
  };
  for (const Case& c : std::vector<Case>{
           {{}, 2, "--help"},
           {{"fly"}, 2, "fly"},
           {{"info"}, 2, "--checkpoint"},
           {{"info", "--model", "DiT-Q/3"}, 2, "DiT-Q/3"},
           {{"info", "--bogus"}, 2, "--bogus"},
           {{"info", "--checkpoint", "gone.pt"}, 3, "gone.pt"},
           {{"info", "--checkpoint", folder.path()}, 3, "config.json"},
           {{"info", "--model", "DyDiT-S/2", "--data", "synthetic:9"}, 2, "--checkpoint"},
           {{"info", "--model", "DyDiT-S/2", "--images", "9"}, 2, "--data"},
           {{"info", "--checkpoint", "gone.pt", "--data", "synthetic:9", "--timesteps", "0"}, 2, "--timesteps"},
           {{"train", "--steps", "many"}, 2, "--steps"},
           {{"train", "--model", "DiT-S/4", "--data", "synthetic:9", "--steps", "0"}, 2, "--steps 0"},
           {{"train", "--model", "DiT-S/8", "--num-heads", "1", "--in-channels", "3", "--num-classes", "10", "--lambda",
             "0.5", "--data", "synthetic:9"},
            2,
            "num_heads = 1"},
           {{"train", "--device", "tpu"}, 2, "tpu"},
           {{"train", "--device", "cuda:99"}, 4, "cuda:99"},
           {{"train", "--dtype", "bfloat16"}, 2, "--dtype"},
           {{"train", "--threads", "0"}, 2, "--threads"},
           {{"study"}, 2, "--help"},
           {{"study", "loss-gab"}, 2, "loss-gab"},
           {{"study", "loss-gap"}, 2, "no model"},
           {{"study", "loss-gap", "--model", "a", "--data", "synthetic:9"}, 2, "NAME=FILE"},
           {{"study", "loss-gap", "--at", "4", "1000"}, 2, "--at 1000"},
           {{"study", "loss-map", "--at", "4", "7", "4"}, 2, "--at: give it once"},
           {{"info", "--all", "--dtype", "float99"}, 2, "float99"},
           {{"info", "--all", "--device", "tpu"}, 2, "tpu"},
           {{"reproduce", "gone.toml"}, 3, "gone.toml"},
           {{"reproduce", unknown}, 2, "unknown.toml.sed"},
           {{"reproduce", broken}, 2, "broken.toml:1"},
           {{"reproduce", lacking}, 3, "gone.zip"},
           {{"reproduce", lacking, "--dry-run"}, 3, "gone.pt"},
           {{"reproduce", weightless, "--dry-run"}, 2, "W: give its checkpoint"},
           {{"report", "nowhere"}, 3, "nowhere"},
           {{"report", folder.path()}, 3, "holds no run"},
           {{"export", "--checkpoint", "gone.pt", "--output", "x"}, 3, "gone.pt"}}) {
    const auto outcome = run_dydit(c.arguments, folder.path());
    CAPTURE(c.arguments, outcome.err);
    CHECK(outcome.code == c.code);
    CHECK(is_one_error(outcome.err));
    CHECK(outcome.err.find(c.named) != std::string::npos);
    CHECK(outcome.out.empty());
  }
  CHECK(folder.entries() == 4);  // the profiles
}

namespace {

struct NumericOption {
  Arguments command;
  const char* option;
  std::string within;  // "from 1 to 1,024"
  const char* beyond;  // a number that is not
};

// Options of the commands' own are in the tests below; these are those that several share.
std::vector<NumericOption> shared_options() {
  std::vector<NumericOption> all;
  for (const Arguments& command : std::vector<Arguments>{{"info"},
                                                         {"train"},
                                                         {"study", "loss-gap"},
                                                         {"study", "loss-map"},
                                                         {"study", "activation"},
                                                         {"study", "compute-map"},
                                                         {"sweep"},
                                                         {"sample"},
                                                         {"report"},
                                                         {"reproduce"},
                                                         {"probe", "forward"},
                                                         {"probe", "loss"},
                                                         {"export"}}) {
    all.push_back({command, "--threads", "from 1 to 1,024", "0"});
    all.push_back({command, "--seed", "from 0 to 18,446,744,073,709,551,615", "18446744073709551616"});
  }
  for (const char* command : {"info", "train"})
    for (const auto& [option, most] : {std::pair{"--input-size", "8,192"},
                                       {"--patch-size", "8,192"},
                                       {"--in-channels", "1,024"},
                                       {"--hidden-size", "65,536"},
                                       {"--depth", "10,000"},
                                       {"--num-heads", "65,536"},
                                       {"--num-classes", "1,000,000"}})
      all.push_back({{command}, option, std::string("from 1 to ") + most, "0"});
  for (const Arguments& command :
       std::vector<Arguments>{{"probe", "forward"}, {"probe", "loss"}, {"export"}, {"sample"}, {"study", "loss-gap"}})
    all.push_back({command, "--num-heads", "from 1 to 65,536", "-1"});
  return all;
}

std::vector<NumericOption> study_options() {
  std::vector<NumericOption> all;
  for (const char* study : {"loss-gap", "loss-map", "activation", "compute-map"}) {
    const Arguments command{"study", study};
    all.push_back({command, "--size", "from 1 to 16,384", "-3"});
    all.push_back({command, "--images", "from 0 to 1,000,000,000", "-5"});
  }
  for (const char* study : {"loss-gap", "activation"}) {
    all.push_back({{"study", study}, "--timesteps", "from 1 to 1,000", "1001"});
    all.push_back({{"study", study}, "--chunk", "from 1 to 1,000,000", "0"});
  }
  for (const char* study : {"loss-map", "compute-map"})
    all.push_back({{"study", study}, "--draws", "from 1 to 1,000,000", "0"});
  return all;
}

std::vector<NumericOption> other_options() {
  std::vector<NumericOption> all{{{"info"}, "--images", "from 1 to 1,000,000,000", "0"},
                                 {{"info"}, "--timesteps", "from 1 to 1,000", "1001"},
                                 {{"probe", "forward"}, "--packing-budget", "from 0 to 1,048,576", "-1"},
                                 {{"sample"}, "--images", "from 1 to 1,000,000", "0"},
                                 {{"sample"}, "--batch", "from 1 to 1,000,000", "0"},
                                 {{"sample"}, "--steps", "from 1 to 1,000", "0"},
                                 {{"train"}, "--size", "from 1 to 16,384", "0"},
                                 {{"train"}, "--batch", "from 1 to 1,000,000", "0"}};
  for (const char* option : {"--steps", "--record-every", "--checkpoint-every", "--held-out-images"})
    all.push_back({{"train"}, option, "from 1 to 1,000,000,000", "0"});
  for (const char* option :
       {"--warmup-steps", "--hold-steps", "--target-warmup-steps", "--complete-steps", "--settle-steps"})
    all.push_back({{"train"}, option, "from 0 to 1,000,000,000", "-1"});
  return all;
}

std::vector<NumericOption> fractional_options() {
  return {{{"info"}, "--lambda", "above 0, up to 1", "0"},
          {{"train"}, "--lambda", "above 0, up to 1", "nan"},
          {{"info"}, "--mlp-ratio", "above 0, up to 1,000", "nan"},
          {{"train"}, "--mlp-ratio", "above 0, up to 1,000", "0"},
          {{"train"}, "--learning-rate", "above 0, up to 1,000", "inf"},
          {{"train"}, "--weight-decay", "from 0 to 1,000", "nan"},
          {{"train"}, "--gradient-clip", "from 0 to 1,000,000", "nan"},
          {{"train"}, "--ema-decay", "from 0 to below 1", "1"},
          {{"train"}, "--label-dropout", "from 0 to 1", "1.5"},
          {{"train"}, "--width-bias", "above 0, up to 1,000,000", "inf"},
          {{"train"}, "--token-bias", "above 0, up to 1,000,000", "nan"},
          {{"study", "loss-gap"}, "--at", "from 0 to 999", "-1"},
          {{"study", "compute-map"}, "--at", "from 0 to 999", "1000"},
          {{"study", "loss-gap"}, "--grain", "from 0 to 255", "nan"},
          {{"study", "loss-map"}, "--grain", "from 0 to 255", "-1"},
          {{"study", "activation"}, "--grain", "from 0 to 255", "256"},
          {{"study", "compute-map"}, "--grain", "from 0 to 255", "inf"},
          {{"probe", "forward"}, "--cfg-scale", "from -1,000 to 1,000", "nan"}};
}

void check_refused(const NumericOption& o, const char* value, const std::string& what, const std::string& give) {
  Arguments arguments = o.command;
  arguments.emplace_back(o.option);
  arguments.emplace_back(value);
  const auto outcome = run_dydit(arguments);
  CAPTURE(arguments, outcome.err);
  const std::string said = *value == 0 ? "''" : value;
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == "dydit: " + what + ": " + o.option + " " + said + ": " + give + " " + o.within + "\n");
}

}  // namespace

TEST_CASE("every number on the command line is within bounds, which are told where it is not") {
  for (const auto& options : {shared_options(), study_options(), other_options()})
    for (const NumericOption& o : options) check_refused(o, o.beyond, "value out of range", "give a whole number");
  for (const NumericOption& o : fractional_options()) check_refused(o, o.beyond, "value out of range", "give a number");
}

TEST_CASE("a number on the command line is the whole of its text") {
  const NumericOption images = study_options().at(1), size = study_options().at(0), lambda = fractional_options().at(1);
  for (const char* value : {"nan", "inf", "1e3", "3.5", "", " 5", "0x10", "5abc", "4,7"})
    check_refused(images, value, "not a whole number", "give a whole number");
  for (const char* value : {"0", "9223372036854775808", "18446744073709551616", "99999999999999999999999999"})
    check_refused(size, value, "value out of range", "give a whole number");
  for (const char* value : {"", " 5", "0x10", "5abc", "0,5"})
    check_refused(lambda, value, "not a number", "give a number");
  for (const char* value : {"inf", "-inf", "1e999", "-0.5", "18446744073709551616"})
    check_refused(lambda, value, "value out of range", "give a number");
}

TEST_CASE("a device has the name of one, and an option of one value is given once") {
  struct Case {
    Arguments arguments;
    const char* named;
  };
  for (const Case& c :
       std::vector<Case>{{{"info", "--all", "--device", "cuda:"}, "--device cuda:"},
                         {{"info", "--all", "--device", "cuda:-1"}, "--device cuda:-1"},
                         {{"info", "--all", "--device", "cuda:0x1"}, "--device cuda:0x1"},
                         {{"info", "--all", "--device", "cuda:128"}, "cuda:0 to cuda:127"},
                         {{"info", "--all", "--device", "cuda:99999999999999999999"}, "--device cuda:9999"},
                         {{"info", "--all", "--device", ""}, "--device"},
                         {{"info", "--all", "--seed", "1", "--seed", "2"}, "--seed"},
                         {{"study", "loss-gap", "--images", "1", "--images", "2"}, "--images"},
                         {{"train", "--steps", "1", "--steps", "2"}, "--steps"},
                         {{"study", "loss-gap", "--at", "4", "--at", "4"}, "--at: give it once"},
                         {{"study", "loss-gap", "--at", "{}"}, "--at {}: give a number"},
                         {{"study", "loss-map", "--at", ""}, "--at ''"}}) {
    const auto outcome = run_dydit(c.arguments);
    CAPTURE(c.arguments, outcome.err);
    CHECK(outcome.code == 2);
    CHECK(is_one_error(outcome.err));
    CHECK(outcome.err.size() < 200);
    CHECK(outcome.err.find(c.named) != std::string::npos);
  }
}

TEST_CASE("a name of flow matching settles the process, and an assumed process is said to be assumed") {
  const dydit::test::TemporaryFolder folder;
  const auto sweep_of = [&](const char* process) {
    const std::string profile = (folder.path() / "p.toml").string();
    std::ofstream(profile)
        << process
        << "sweep = { models = [\"DySiT-S/2\"], keep = [0.5], which = [\"tokens\"], engine = [\"dense\"], "
           "batch = [1], input_size = 4, blocks = 1 }\n";
    return run_dydit({"sweep", profile, "--device", "cpu", "--out", (folder.path() / "run").string()});
  };
  const auto refused = sweep_of("process = { name = \"diffusion\" }\n");
  CHECK((refused.code == 2 && is_one_error(refused.err)));
  CHECK(refused.err.find("DySiT-S/2 is of another process than what is asked for") != std::string::npos);
  const auto swept = sweep_of("");
  CHECK(swept.code == 0);
  CHECK(swept.err.find("process: flow matching, linear path, velocity\n") != std::string::npos);

  const auto told = [](const Arguments& more) {
    Arguments arguments{"info"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_dydit(arguments);
  };
  CHECK(told({"--model", "SiT-S/2"}).out.find("process       flow matching, linear path, velocity\n") !=
        std::string::npos);
  CHECK(told({"--model", "SiT-S/2", "--process", "flow", "--path", "gvp"}).out.find("gvp path") != std::string::npos);
  CHECK(told({"--model", "SiT-S/2", "--process", "diffusion"}).code == 2);
  const std::string silent = dydit::test::tiny_weights();
  CHECK(told({"--checkpoint", silent, "--num-heads", "4"}).out.find("linear schedule (assumed") != std::string::npos);
  CHECK(told({"--checkpoint", silent, "--num-heads", "4", "--process", "flow"}).out.find("velocity\n") !=
        std::string::npos);
  const std::string fitting = (dydit::test::test_folder() / "../profiles/pretrained/small.safetensors").string();
  const auto trained = run_dydit({"train", "--checkpoint", fitting, "--data", "synthetic:80", "--steps", "1", "--batch",
                                  "4", "--device", "cpu", "--out", (folder.path() / "trained").string()});
  INFO(trained.err);
  CHECK(trained.err.find("linear schedule (assumed") != std::string::npos);
}
