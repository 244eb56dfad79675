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

// `command` lacks the run directory. The first kill comes while the program starts; the others are spread
// over the time that an undisturbed run works on its directory, one in each quarter of it.
void survives_kills(const test::Arguments& command, std::size_t files) {
  const test::TemporaryFolder folder;
  const auto in = [&](const std::string& name) {
    test::Arguments arguments = command;
    arguments.insert(arguments.end(), {"--out", folder.path() / name});
    return arguments;
  };
  const auto begin = Clock::now();
  test::Process undisturbed(in("whole"));
  REQUIRE(test::appears(folder.path() / "whole" / "manifest.json"));
  const std::chrono::duration<double> starting = Clock::now() - begin;
  REQUIRE(undisturbed.wait().code == 0);
  const std::chrono::duration<double> working = Clock::now() - begin - starting;
  const test::Result whole = test::result_of(folder.path() / "whole");
  REQUIRE(whole.files.size() == files);

  std::mt19937 random(1);
  int killed_at_work = 0;
  for (int i = 0; i < kills; ++i) {
    const double share = std::uniform_real_distribution<double>()(random);
    const auto moment = i == 0 ? starting * share : working * ((i - 1 + share) / (kills - 1));
    CAPTURE(i, moment.count());
    const std::string name = "killed-" + std::to_string(i);
    test::Process process(in(name));
    if (i > 0) REQUIRE(test::appears(folder.path() / name / "manifest.json"));
    std::this_thread::sleep_for(moment);
    process.send(SIGKILL);
    killed_at_work += process.wait().signal == SIGKILL && i > 0;
    const auto resumed = test::run_dydit(in(name));
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    const test::Result result = test::result_of(folder.path() / name);
    CHECK(result.records == whole.records);
    CHECK((result.files == whole.files));
  }
  CHECK(killed_at_work > 0);
}

}  // namespace

TEST_CASE("a training survives kill -9") {
  survives_kills(test::training({"--steps", "600", "--checkpoint-every", "200", "--record-every", "70"}), 3);
}

TEST_CASE("studies survive kill -9") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  survives_kills({"reproduce", profile, "--threads", "1", "--device", "cpu"}, 2 * 20 + 1);
}
