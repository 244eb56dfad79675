// SPDX-License-Identifier: Apache-2.0
// Exit codes and messages of the contract.
#include <fstream>

#include "catch.h"
#include "process.h"

using dydit::test::Arguments;
using dydit::test::is_one_error;
using dydit::test::run_dydit;

TEST_CASE("every subcommand explains itself with an example") {
  const Arguments command =
      GENERATE(Arguments{"info"}, Arguments{"train"}, Arguments{"study", "loss-gap"},
               Arguments{"study", "loss-map"}, Arguments{"report"}, Arguments{"reproduce"},
               Arguments{"probe", "forward"}, Arguments{"probe", "loss"}, Arguments{"export"});
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
           {{"info", "--checkpoint", folder.path()}, 3, "dydit"},
           {{"info", "--model", "DyDiT-S/2", "--data", "synthetic:9"}, 2, "--checkpoint"},
           {{"info", "--model", "DyDiT-S/2", "--images", "9"}, 2, "--data"},
           {{"info", "--checkpoint", "gone.pt", "--data", "synthetic:9", "--timesteps", "0"}, 2, "--timesteps"},
           {{"train", "--steps", "many"}, 2, "--steps"},
           {{"train", "--model", "DiT-S/4", "--data", "synthetic:9", "--steps", "0"}, 2, "train.steps"},
           {{"train", "--model", "DiT-S/8", "--num-heads", "1", "--in-channels", "3", "--num-classes", "10",
             "--lambda", "0.5", "--data", "synthetic:9"},
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
           {{"study", "loss-gap", "--at", "4", "1000"}, 2, "--at: 1000"},
           {{"study", "loss-map", "--at", "4", "7", "4"}, 2, "--at: 4: give it once"},
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
