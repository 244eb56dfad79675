// SPDX-License-Identifier: Apache-2.0
// Ended at any moment and started again by the same command, a command leaves what an undisturbed one leaves.
#include <csignal>
#include <random>
#include <thread>

#include "base/file.h"
#include "catch.h"
#include "tiny_runs.h"

using namespace dydit;
using Clock = std::chrono::steady_clock;

namespace {

struct Command {
  test::Arguments arguments;  ///< without the folder
  /// What must be the same afterwards, by name: files as bytes, records without what a clock measured.
  std::function<std::map<std::string, std::string>(const std::filesystem::path&)> result;
  std::string first_file;  ///< once it is there, the command is at work
  std::size_t results;     ///< how many the undisturbed command leaves
};

/// Records, tensors, checkpoints and the data of the figures; an unfinished file would be one more.
std::map<std::string, std::string> run_result(const std::filesystem::path& run) {
  test::Result parts = test::result_of(run);
  std::map<std::string, std::string> result = std::move(parts.records);
  result.merge(parts.files);
  for (const auto& [name, bytes] : test::files_in(run))
    if (name.ends_with(".csv") || name.ends_with(".part")) result[name] = bytes;
  return result;
}

/// Signals that end a process, sent one after the other.
using Signals = std::vector<int>;

// Where the process handles the signals it says so and exits with the code of the contract; before it has
// come to that, while it starts, they end it.
void check_outcome(const test::Outcome& outcome, const Signals& signals) {
  CAPTURE(outcome.code, outcome.signal, outcome.err);
  if (outcome.code >= 0) CHECK((outcome.code == 0 || (outcome.code == 130 && test::is_one_error(outcome.err))));
  if (outcome.code < 0) CHECK(std::ranges::find(signals, outcome.signal) != signals.end());
}

// The first moment comes while the program starts; the others are spread over the time that an undisturbed
// command works, one in each part of it. Where that is less than it was, for the machine was busy then, they come
// earlier.
void survives(const Command& command, const std::vector<Signals>& sent, int moments) {
  const test::TemporaryFolder folder;
  const auto in = [&](const std::string& name) {
    test::Arguments arguments = command.arguments;
    arguments.insert(arguments.end(), {"--out", folder.path() / name});
    return arguments;
  };
  const auto begin = Clock::now();
  test::Process undisturbed(in("whole"));
  REQUIRE(test::appears(folder.path() / "whole" / command.first_file));
  const std::chrono::duration<double> starting = Clock::now() - begin;
  REQUIRE(undisturbed.wait().code == 0);
  std::chrono::duration<double> working = Clock::now() - begin - starting;
  const auto whole = command.result(folder.path() / "whole");
  REQUIRE(whole.size() == command.results);

  std::mt19937 random(1);
  int ended_at_work = 0;
  for (int i = 0; i < moments || (ended_at_work == 0 && i < moments + 8); ++i) {
    const double share = std::uniform_real_distribution<double>()(random);
    const auto moment = i == 0 ? starting * share : working * (0.9 * ((i - 1) % (moments - 1) + share) / (moments - 1));
    const Signals& signals = sent[static_cast<std::size_t>(i) % sent.size()];
    CAPTURE(i, moment.count(), signals);
    const std::string name = "ended-" + std::to_string(i);
    test::Process process(in(name));
    if (i > 0) REQUIRE(test::appears(folder.path() / name / command.first_file));
    std::this_thread::sleep_for(moment);
    for (const int signal : signals) {
      process.send(signal);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    const auto outcome = process.wait();
    check_outcome(outcome, signals);
    ended_at_work += outcome.code != 0 && i > 0;
    if (outcome.code == 0 && i > 0) working /= 2;
    const auto again = test::run_dydit(in(name));
    CAPTURE(again.err);
    REQUIRE(again.code == 0);
    auto result = command.result(folder.path() / name);
    // A training that was asked to stop has saved one checkpoint more.
    if (outcome.code == 130)
      std::erase_if(result, [&](const auto& part) {
        return part.first.ends_with(".safetensors") && !whole.contains(part.first);
      });
    CHECK((result == whole));
  }
  CHECK(ended_at_work > 0);
}

const std::vector<Signals> killed{{SIGKILL}}, stopped{{SIGINT}, {SIGTERM}, {SIGINT, SIGINT}};

Command training() {
  return {.arguments = test::training({"--steps", "300", "--checkpoint-every", "100", "--record-every", "35"}),
          .result = run_result,
          .first_file = "manifest.json",
          .results = 3 + 9};
}

/// The studies of a profile and their report. `folder` is for the models.
Command reproduction(const std::filesystem::path& folder) {
  return {.arguments = {"reproduce", test::study_profile(folder), "--threads", "1", "--device", "cpu"},
          .result = run_result,
          .first_file = "manifest.json",
          .results = 2 * (2 * 20 + 1) + 3};
}

// A SiT and a DySiT, and every study of what they became.
constexpr auto flow_profile = R"(
process = { name = "flow" }
data = { path = "synthetic:40", size = 8 }
train = { steps = 120, batch = 8, checkpoint_every = 40, record_every = 30, held_out_images = 10 }
[[models]]
name = "SiT"
configuration = { input_size = 8, patch_size = 4, in_channels = 3, hidden_size = 16, depth = 2, num_heads = 2, num_classes = 10 }
[[models]]
name = "DySiT"
configuration = { input_size = 8, patch_size = 4, in_channels = 3, hidden_size = 16, depth = 2, num_heads = 2, num_classes = 10, dynamic = true }
train = { dynamic = { lambda = 0.6, hold_steps = 10, target_warmup_steps = 40, settle_steps = 20 } }
)";
constexpr auto flow_studies = R"(
data = { path = "synthetic:40", size = 8 }
loss-gap = { timesteps = 15, chunk = 4 }
loss-map = { timesteps = [0.2, 0.7], images = 6, draws = 4 }
activation = { timesteps = 5, chunk = 20 }
compute-map = { timesteps = [0.2, 0.7], images = 6, draws = 2 }
[[models]]
name = "DySiT"
checkpoint = "trained/checkpoints/DySiT-00000120.safetensors"
[[models]]
name = "SiT"
checkpoint = "trained/checkpoints/SiT-00000120.safetensors"
)";

Command flow(const std::string& command, const std::filesystem::path& profile, const char* text, std::size_t results) {
  write_atomically(profile, text);
  return {.arguments = {command, profile, "--threads", "1", "--device", "cpu"},
          .result = run_result,
          .first_file = "manifest.json",
          .results = results};
}

/// Images of a model in `folder`.
Command sampling(const std::filesystem::path& folder) {
  auto arguments = test::sampling(folder);
  arguments.insert(arguments.end(), {"--images", "30", "--batch", "4", "--steps", "80", "--cfg-scale", "2"});
  return {.arguments = arguments, .result = test::images_of, .first_file = "manifest.json", .results = 30 + 3};
}

Command report(const std::filesystem::path& folder) {
  const auto run = folder / "run";
  if (test::run_dydit(
          {"study", "loss-map", test::study_profile(folder), "--threads", "1", "--device", "cpu", "--out", run})
          .code != 0)
    throw std::runtime_error("the study failed");
  return {.arguments = {"report", run}, .result = test::files_in, .first_file = "figures", .results = 1 + 2 * 5};
}

}  // namespace

TEST_CASE("kill -9 at any moment loses nothing") {
  const test::TemporaryFolder folder;
  SECTION("a training") { survives(training(), killed, 4); }
  SECTION("studies and their report") { survives(reproduction(folder.path()), killed, 3); }
  SECTION("a report") { survives(report(folder.path()), killed, 3); }
}

TEST_CASE("each image is there once and no part of another, whenever sampling is killed or stopped") {
  const test::TemporaryFolder folder;
  const auto command = sampling(folder.path());
  survives(command, killed, 20);
  survives(command, stopped, 3);
}

TEST_CASE("a SiT and a DySiT are trained and studied to the same bytes, whenever they are killed") {
  const test::TemporaryFolder folder;
  const auto training = flow("train", folder.path() / "flow.toml", flow_profile, 2 * (3 + 4));
  survives(training, killed, 4);
  auto arguments = training.arguments;
  arguments.insert(arguments.end(), {"--out", folder.path() / "trained"});
  REQUIRE(test::run_dydit(arguments).code == 0);
  survives(flow("reproduce", folder.path() / "studies.toml", flow_studies, 2 * (20 + 1 + 2 + 1) + 5), killed, 3);
}

TEST_CASE("Ctrl-C and SIGTERM at any moment lose nothing and exit as the contract says") {
  const test::TemporaryFolder folder;
  SECTION("a training") { survives(training(), stopped, 3); }
  SECTION("studies and their report") { survives(reproduction(folder.path()), stopped, 3); }
}

TEST_CASE("a report that is asked to stop does so before its next figure") {
  const test::TemporaryFolder folder;
  const auto page = folder.path() / "page";
  auto arguments = report(folder.path()).arguments;
  arguments.insert(arguments.end(), {"--out", page});
  test::Process process(arguments);
  REQUIRE(test::appears(page / "figures"));  // made before the first of two
  process.send(SIGTERM);
  const auto outcome = process.wait();
  CAPTURE(outcome.err);
  CHECK(outcome.code == 130);
  CHECK(test::is_one_error(outcome.err));
  CHECK(!std::filesystem::exists(page / "index.html"));
}

// Minutes: test_faults "[twenty]"
TEST_CASE("the same at twenty moments", "[.][twenty]") {
  const test::TemporaryFolder folder;
  const auto sent = GENERATE(from_range(std::vector{killed, stopped}));
  SECTION("a training") { survives(training(), sent, 20); }
  SECTION("studies and their report") { survives(reproduction(folder.path()), sent, 20); }
  SECTION("a report") { survives(report(folder.path()), sent, 20); }
}
