// SPDX-License-Identifier: Apache-2.0
// Killed at any moment and started again by the same command, a run ends as the undisturbed one.
#include <csignal>
#include <random>
#include <thread>

#include "catch.h"
#include "tiny_runs.h"

using namespace dydit;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kills = 5;

// `command` lacks the run directory. The moments are spread over the duration of the undisturbed run, one
// in each fifth of it.
void survives_kills(const test::Arguments& command, std::size_t files) {
  const test::TemporaryFolder folder;
  const auto in = [&](const std::string& name) {
    test::Arguments arguments = command;
    arguments.insert(arguments.end(), {"--out", folder.path() / name});
    return arguments;
  };
  const auto begin = Clock::now();
  REQUIRE(test::dydit(in("whole")).code == 0);
  const std::chrono::duration<double> duration = Clock::now() - begin;
  const test::Result whole = test::result_of(folder.path() / "whole");
  REQUIRE(whole.files.size() == files);

  std::mt19937 random(1);
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const auto moment = duration * ((i + std::uniform_real_distribution<double>()(random)) / kills);
    CAPTURE(i, moment.count());
    const std::string name = "killed-" + std::to_string(i);
    test::Process process(in(name));
    std::this_thread::sleep_for(moment);
    process.send(SIGKILL);
    killed += process.wait().signal == SIGKILL;
    const auto resumed = test::dydit(in(name));
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    const test::Result result = test::result_of(folder.path() / name);
    CHECK(result.records == whole.records);
    CHECK((result.files == whole.files));
  }
  CHECK(killed > 0);
}

}  // namespace

TEST_CASE("a training survives kill -9") {
  survives_kills(test::training({"--steps", "60", "--checkpoint-every", "20", "--record-every", "7"}), 3);
}

TEST_CASE("studies survive kill -9") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  survives_kills({"reproduce", profile, "--threads", "1", "--device", "cpu"}, 2 * 20 + 1);
}
