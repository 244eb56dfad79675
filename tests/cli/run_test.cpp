// SPDX-License-Identifier: Apache-2.0
// Run directories as their users meet them.
#include <csignal>
#include <fstream>

#include "base/file.h"
#include "catch.h"
#include "record/run_directory.h"
#include "tiny_runs.h"

using namespace dydit;
using test::is_one_error;
using test::training;

TEST_CASE("without --out runs are numbered, the path is printed first, and a finished one is found again") {
  const test::TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> expected{
      {"0", "runs/train-DiT-1"}, {"1", "runs/train-DiT-2"}, {"0", "runs/train-DiT-1"}};
  for (const auto& [seed, path] : expected) {
    const auto outcome = test::run_dydit(training({"--steps", "2", "--seed", seed}), folder.path());
    CHECK(outcome.code == 0);
    CHECK(outcome.out == path + "\n");
    CHECK(outcome.err ==
          "dydit: process: epsilon diffusion, linear schedule\n");  // no progress where there is no terminal
    CHECK(std::filesystem::exists(folder.path() / path / "checkpoints" / "DiT-00000002.safetensors"));
  }
}

TEST_CASE("Ctrl-C saves, says how to go on, and the same command goes on") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto arguments = training({"--steps", "1000000", "--record-every", "2", "--out", run});
  test::Process process(arguments);
  REQUIRE(test::appears(run / "results.jsonl"));
  process.send(SIGINT);
  const auto outcome = process.wait();
  INFO("signal " << outcome.signal << ": " << outcome.err);
  CHECK(outcome.code == 130);
  CHECK(is_one_error(outcome.err));
  CHECK(outcome.err.find(run.string() + ": give the same command again to go on") != std::string::npos);
  CHECK(test::result_of(run).files.size() == 1);

  const auto records = test::result_of(run).records.size();
  test::Process again(arguments);
  for (int i = 0; i < 3000 && test::result_of(run).records.size() <= records + 1; ++i) ::usleep(10000);
  CHECK(test::result_of(run).records.size() > records + 1);
  again.send(SIGTERM);
  CHECK(again.wait().code == 130);
  CHECK(test::result_of(run).files.size() == 2);
}

TEST_CASE("Ctrl-C stops a study between chunks") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  test::Process process({"study", "loss-gap", test::study_profile(folder.path()), "--timesteps", "300", "--device",
                         "cpu", "--threads", "1", "--out", run});
  REQUIRE(test::appears(run / "results.jsonl"));
  process.send(SIGINT);
  const auto outcome = process.wait();
  CHECK(outcome.code == 130);
  CHECK(is_one_error(outcome.err));
  CHECK(outcome.err.find("give the same command again to go on") != std::string::npos);
  CHECK(!test::result_of(run).records.empty());
}

TEST_CASE("a second process on the same run directory is turned away") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto arguments = training({"--steps", "1000000", "--record-every", "2", "--out", run});
  test::Process first(arguments);
  REQUIRE(test::appears(run / "results.jsonl"));
  const auto second = test::run_dydit(arguments);
  CHECK(second.code == 4);
  CHECK(is_one_error(second.err));
  const record::Run begun = record::read_run(run);  // readers are not turned away
  CHECK(second.err.find("process " + begun.records.front().process + " is writing this run: " + run.string()) !=
        std::string::npos);
}

TEST_CASE("a run is resumed only as it was begun") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  REQUIRE(test::run_dydit(training({"--steps", "2", "--out", run})).code == 0);
  const auto other = test::run_dydit(training({"--steps", "3", "--out", run}));
  CHECK(other.code == 2);
  CHECK(is_one_error(other.err));
  CHECK(other.err.find("steps: 3 where the run has 2") != std::string::npos);
  CHECK(test::run_dydit(training({"--steps", "3", "--out", run, "--force"})).code == 0);
  // With another seed it is another training, from its first step on.
  const auto whole = folder.path() / "whole";
  REQUIRE(test::run_dydit(training({"--steps", "3", "--seed", "1", "--out", whole})).code == 0);
  CHECK(test::run_dydit(training({"--steps", "3", "--seed", "1", "--out", run, "--force"})).code == 0);
  CHECK(test::result_of(run) == test::result_of(whole));
}

TEST_CASE("where nothing can be written the program says so") {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  const auto below = folder.path() / "file" / "run";
  const auto profile = test::study_profile(folder.path());
  const auto checkpoint = folder.path() / "trained" / "checkpoints" / "DiT-00000006.safetensors";
  for (const test::Arguments& arguments : {training({"--steps", "1", "--out", below}),
                                           {"reproduce", profile, "--out", below},
                                           {"report", folder.path() / "trained", "--out", below},
                                           {"export", "--checkpoint", checkpoint, "--output", below}}) {
    const auto outcome = test::run_dydit(arguments);
    CAPTURE(arguments, outcome.err);
    CHECK(outcome.code == 4);
    CHECK(is_one_error(outcome.err));
    CHECK(outcome.err.find("file") != std::string::npos);
  }
}

TEST_CASE("a report of the same run is the same bytes") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto reproduced =
      test::run_dydit({"reproduce", test::study_profile(folder.path()), "--threads", "1", "--out", run});
  REQUIRE(reproduced.code == 0);
  CHECK(reproduced.out == run.string() + "\n" + (run / "index.html").string() + "\n");
  const auto first = test::files_in(run);
  CHECK(first.contains("index.html"));
  REQUIRE(test::run_dydit({"report", run}).code == 0);
  CHECK((test::files_in(run) == first));
  const auto twice = test::run_dydit({"report", run, run / "", "--out", folder.path() / "twice"});
  CHECK((twice.code == 2 && is_one_error(twice.err)));
}

TEST_CASE("a sweep runs without data or weights, goes on where it was, and its report shows it") {
  const test::TemporaryFolder folder;
  const auto profile = folder.path() / "tiny.toml", run = folder.path() / "run";
  const auto write = [&](const std::string& batch) {
    write_atomically(profile,
                     std::string("[sweep]\nmodels = [\"DyDiT-S/8\"]\nkeep = [0.5]\nwhich = [\"tokens\"]\nbatch = ") +
                         batch + "\nblocks = 1\nengine = [\"dense\", \"compact\"]\n");
  };
  write("[1]");
  const test::Arguments sweep{"sweep", profile, "--device", "cpu", "--threads", "1", "--out", run};
  const auto outcome = test::run_dydit(sweep);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.out == run.string() + "\n");
  const auto records = record::read_run(run).records;
  CHECK(records.size() == 3);
  CHECK(test::run_dydit(sweep).code == 0);  // nothing is left to measure
  CHECK(record::read_run(run).records[2].metrics.at("time").value == records[2].metrics.at("time").value);
  REQUIRE(test::run_dydit({"report", run}).code == 0);
  CHECK(std::filesystem::exists(run / "figures" / "speedup-DyDiT-S--8.svg"));

  auto by_axis = sweep;
  by_axis.insert(by_axis.end(), {"--force", "--keep", "1,0.5,0.5", "0.5"});
  REQUIRE(test::run_dydit(by_axis).code == 0);
  CHECK(record::read_run(run).records.back().axes.at("keep") == record::Json{1, 0.5, 0.5});
  REQUIRE(test::run_dydit({"report", run}).code == 0);
  CHECK(read_file(run / "index.html").find("<td>1, 0.5, 0.5</td>") != std::string::npos);
  for (const char* wrong : {"1,0.5", "1,1,1", "0.5,0.5,2", "half"}) {
    by_axis.back() = wrong;
    const auto outcome_of_wrong = test::run_dydit(by_axis);
    CAPTURE(outcome_of_wrong.err);
    CHECK((outcome_of_wrong.code == 2 && is_one_error(outcome_of_wrong.err)));
  }

  CHECK(test::run_dydit({"reproduce", profile, "--dry-run"}).out.find("DyDiT-S/8") != std::string::npos);
  const auto study = test::run_dydit({"study", "loss-gap", profile});
  CHECK(study.code == 2);  // no models, and the sweep is not its business
  CHECK(is_one_error(study.err));
  write("[0]");
  const auto refused = test::run_dydit(sweep);
  CHECK(refused.code == 2);
  CHECK(refused.err.find("sweep.batch") != std::string::npos);
}
