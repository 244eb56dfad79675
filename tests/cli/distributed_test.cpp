// SPDX-License-Identifier: Apache-2.0
// One run in two processes, started as a launcher starts them.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <thread>

#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "record/run_directory.h"
#include "test_folder.h"
#include "tiny_runs.h"

using namespace dydit;
namespace fs = std::filesystem;

namespace {

using Outcomes = std::vector<test::Outcome>;
using Variables = std::map<std::string, std::string>;

// Adds a launcher's variables to the environment of the process.
test::Before launched(const Variables& variables) {
  return [variables] {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  };
}

// A port that is free now.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  REQUIRE(bound);
  return ntohs(address.sin_port);
}

// Two processes, told that they are on so many machines; `commands` has one for each, or one for both.
class Pair {
 public:
  explicit Pair(const std::vector<test::Arguments>& commands, int machines = 1) {
    const std::string port = std::to_string(free_port());
    for (int rank = 0; rank < 2; ++rank)
      processes_.emplace_back(commands[commands.size() == 1 ? 0 : static_cast<std::size_t>(rank)], fs::path(),
                              launched({{"WORLD_SIZE", "2"},
                                        {"RANK", std::to_string(rank)},
                                        {"LOCAL_WORLD_SIZE", std::to_string(2 / machines)},
                                        {"LOCAL_RANK", std::to_string(rank / machines)},
                                        {"MASTER_ADDR", "127.0.0.1"},
                                        {"MASTER_PORT", port}}));
  }
  void send(int rank, int signal) { std::next(processes_.begin(), rank)->send(signal); }
  Outcomes wait() {
    Outcomes outcomes;
    for (test::Process& process : processes_) outcomes.push_back(process.wait());
    return outcomes;
  }

 private:
  std::list<test::Process> processes_;
};

Outcomes run_pair(const test::Arguments& command) { return Pair({command}).wait(); }

void require_done(const Outcomes& outcomes) {
  for (const test::Outcome& outcome : outcomes) {
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
  }
}

// The one line that both processes together print.
std::string the_error(const Outcomes& outcomes) {
  const std::string all = outcomes[0].err + outcomes[1].err;
  CAPTURE(all);
  CHECK(test::is_one_error(all));
  return all;
}

test::Arguments with(test::Arguments arguments, const test::Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The largest difference of the tensors whose names begin so, and their largest value.
std::pair<double, double> difference(const fs::path& a, const fs::path& b, const std::string& prefix) {
  const auto left = checkpoint::read_safetensors(a).tensors, right = checkpoint::read_safetensors(b).tensors;
  double difference = 0, largest = 0;
  for (const auto& [name, tensor] : left) {
    if (!name.starts_with(prefix)) continue;
    const auto x = tensor.as<float>(), y = right.at(name).as<float>();
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      difference = std::max(difference, std::abs(double{x[i]} - double{y[i]}));
      largest = std::max(largest, std::abs(double{x[i]}));
    }
  }
  return {difference, largest};
}

constexpr double epsilon = std::numeric_limits<float>::epsilon();

}  // namespace

TEST_CASE("two processes train as one does") {
  const test::TemporaryFolder folder;
  const auto one = folder.path() / "one", two = folder.path() / "two", mixed = folder.path() / "mixed";
  // Seven images of a batch are three and four.
  auto command =
      test::training({"--steps", "31", "--checkpoint-every", "30", "--record-every", "31", "--learning-rate", "1e-3"});
  *std::next(std::ranges::find(command, "--batch")) = "7";
  const bool dynamic = GENERATE(false, true);
  CAPTURE(dynamic);
  if (dynamic)
    command = with(command, {"--lambda", "0.6", "--hold-steps", "0", "--target-warmup-steps", "5", "--complete-steps",
                             "31", "--width-bias", "2", "--token-bias", "2"});
  REQUIRE(test::run_dydit(with(command, {"--out", one})).code == 0);
  const fs::path last = fs::path("checkpoints") / "DiT-00000031.safetensors";

  {
    // From the same state one step further: the first moments differ by a tenth of what the gradients differ.
    fs::copy(one, mixed, fs::copy_options::recursive);
    fs::remove(mixed / last);
    require_done(run_pair(with(command, {"--out", mixed})));
    const auto [gradient, moment] = difference(one / last, mixed / last, "opt.exp_avg.");
    CAPTURE(gradient, moment);
    CHECK(moment > 0);
    CHECK(gradient <= 16 * epsilon * moment);
  }
  {
    // A whole training ends in the same weights and losses, but for rounding.
    require_done(run_pair(with(command, {"--out", two})));
    for (const char* part : {"model.", "ema."}) {
      const auto [weight, largest] = difference(one / last, two / last, part);
      CAPTURE(part, weight, largest);
      CHECK(weight <= 1e-5 * largest);
    }
    const auto a = record::read_run(one).records, b = record::read_run(two).records;
    REQUIRE(a.size() == 1);
    REQUIRE(b.size() == 1);
    CHECK(a[0].cell == b[0].cell);
    for (const char* metric : {"train_mse", "train_vb", "held_out_mse", "held_out_vb"})
      CHECK(b[0].metrics.at(metric).value == Approx(a[0].metrics.at(metric).value).epsilon(1e-5));
    for (const char* metric : {"train_lambda", "train_complete_mse", "lambda_realised", "held_out_complete_mse"})
      if (dynamic) CHECK(b[0].metrics.at(metric).value == Approx(a[0].metrics.at(metric).value).epsilon(1e-5));
    CHECK(a[0].machine["processes"] == 1);
    CHECK(b[0].machine["processes"] == 2);
  }
}

TEST_CASE("two processes study as one does, to the byte") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  const test::Arguments command{"study", "loss-gap", profile, "--threads", "1", "--device", "cpu", "--out"};
  const auto one = folder.path() / "one", two = folder.path() / "two";
  REQUIRE(test::run_dydit(with(command, {one})).code == 0);
  require_done(run_pair(with(command, {two})));
  const auto whole = test::result_of(one), shared = test::result_of(two);
  CHECK(shared.records == whole.records);
  CHECK((shared.files == whole.files));
  std::vector<std::string> order[2];
  std::set<std::string> measuring;
  for (const record::Record& record : record::read_run(one).records) order[0].push_back(record.cell);
  for (const record::Record& record : record::read_run(two).records) {
    order[1].push_back(record.cell);
    measuring.insert(record.process);
  }
  CHECK(order[0] == order[1]);
  CHECK(measuring.size() == 2);
}

TEST_CASE("two processes sample the images of one, and go on where one of them was killed") {
  const test::TemporaryFolder folder;
  const auto command = with(test::sampling(folder.path()),
                            {"--images", "31", "--batch", "4", "--sampler", "ddpm", "--cfg-scale", "1.5"});
  const auto one = folder.path() / "one", two = folder.path() / "two";
  REQUIRE(test::run_dydit(with(command, {"--steps", "30", "--out", one})).code == 0);
  require_done(run_pair(with(command, {"--steps", "30", "--out", two})));
  CHECK(test::images_of(two).size() == 31 + 3);
  CHECK(test::largest_difference(test::pixels_of(two), test::pixels_of(one)) <= 1);
  for (const int rank : {0, 1}) {
    const auto path = folder.path() / std::to_string(rank);
    const auto resumable = with(command, {"--steps", "500", "--out", path});
    Pair pair({resumable});
    REQUIRE(test::appears(path / "images" / "000000.png"));
    pair.send(rank, SIGKILL);
    const Outcomes outcomes = pair.wait();
    CHECK(outcomes[1 - rank].code == 4);
    CHECK(the_error(outcomes).find("rank " + std::to_string(rank) + " of 2") != std::string::npos);
    CHECK(!fs::exists(path / "samples.npz"));
    CHECK(test::run_dydit(resumable).code == 0);
    CHECK(test::images_of(path).size() == 31 + 3);
  }
}

TEST_CASE("processes with a machine of their own share the groups of a sweep; those that would share one are refused") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path()), run = folder.path() / "run";
  std::ofstream(profile, std::ios::app) << "\n[sweep]\nmodels = [\"DyDiT-S/8\"]\nkeep = [0.5]\nwhich = [\"tokens\"]\n"
                                           "batch = [1]\nblocks = 1\nengine = [\"dense\", \"compact\"]\n"
                                        << "[sampling]\ntrained = [\"small\", \"large\"]\nbatch = [2]\nblocks = 1\n"
                                           "engine = [\"dense\"]\nsteps = [3, 2]\ncache = [\"none\"]\njudged = 8\n"
                                           "judged_on_front = 12\nreference = \"real.safetensors\"\nfeatures = "
                                        << test::test_folder().parent_path() /
                                               "profiles/pretrained/classifier.safetensors"
                                        << "\n";
  std::vector<float> features(20 * 224);
  for (std::size_t i = 0; i < features.size(); ++i) features[i] = static_cast<float>(i * i % 101) / 101;
  checkpoint::write_safetensors(folder.path() / "real.safetensors",
                                {{"features", checkpoint::Tensor::of<float>(features, {20, 224})}});
  const test::Arguments machine{"--threads", "1", "--device", "cpu", "--out", run};
  for (const char* command : {"reproduce", "sweep"}) {
    const Outcomes refused = run_pair(with({command, profile}, machine));
    CHECK((refused[0].code == 2 && refused[1].code == 2));
    CHECK(the_error(refused).find("would disturb each other's times") != std::string::npos);
    CHECK(!fs::exists(run));
  }
  require_done(Pair({with({"reproduce", profile}, machine)}, /*machines=*/2).wait());
  std::map<double, std::set<std::string>> measured_by;  // of each group, which are the shares kept
  std::size_t timed = 0;
  std::map<std::string, std::set<std::string>> sampled_by;
  for (const record::Record& record : record::read_run(run).records) {
    if (record.study == "sampling" || record.study == "front") sampled_by[record.study].insert(record.process);
    if (record.study == "front") CHECK(record.metrics.at("judged_images").value == 12);
    if (record.study != "speed") continue;
    CHECK(record.status == record::Status::ok);
    CHECK(record.machine["processes"] == 2);
    measured_by[record.axes.at("keep")].insert(record.process);
    ++timed;
  }
  CHECK(timed == 3);
  CHECK(sampled_by["sampling"].size() == 2);  // a model each
  CHECK(!sampled_by["front"].empty());
  REQUIRE(measured_by.size() == 2);
  CHECK((measured_by[1].size() == 1 && measured_by[0.5].size() == 1 && measured_by[1] != measured_by[0.5]));
}

TEST_CASE("a run that loses a process or is interrupted ends as a whole and goes on by the same command") {
  const test::TemporaryFolder folder;
  const auto command = test::training({"--steps", "150", "--checkpoint-every", "25", "--record-every", "40"});
  const fs::path first = "checkpoints/DiT-00000025.safetensors", last = "checkpoints/DiT-00000150.safetensors";
  const auto whole = folder.path() / "whole";
  require_done(run_pair(with(command, {"--out", whole})));
  for (const auto& [signal, rank] : {std::pair(SIGKILL, 0), std::pair(SIGKILL, 1), std::pair(SIGTERM, 1)}) {
    CAPTURE(signal, rank);
    const auto path = folder.path() / (std::to_string(signal) + "-" + std::to_string(rank));
    const auto resumable = with(command, {"--out", path});
    Pair pair({resumable});
    REQUIRE(test::appears(path / first));
    pair.send(rank, signal);
    const Outcomes outcomes = pair.wait();
    const std::string error = the_error(outcomes);
    if (signal == SIGKILL) {
      CHECK(outcomes[rank].signal == SIGKILL);
      CHECK(outcomes[1 - rank].code == 4);
      CHECK(error.find("rank " + std::to_string(rank) + " of 2") != std::string::npos);
    } else {
      CHECK(outcomes[0].code == 130);
      CHECK(outcomes[1].code == 130);
      CHECK(error.find("saved in " + path.string()) != std::string::npos);
    }
    CHECK(!fs::exists(path / last));
    if (rank == 0) {  // also in another number of processes
      CHECK(test::run_dydit(resumable).code == 0);
      CHECK(fs::exists(path / last));
      continue;
    }
    require_done(run_pair(resumable));
    CHECK((read_file(path / last) == read_file(whole / last)));
  }
}

TEST_CASE("an error in one process ends both, and is told once") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  const auto command = test::training({"--steps", "2", "--out", path});
  const int failing = GENERATE(0, 1);
  std::vector<test::Arguments> commands{command, command};
  commands[static_cast<std::size_t>(failing)] = with(command, {"--held-out", "/no/such/images"});
  const Outcomes outcomes = Pair(commands).wait();
  CHECK(outcomes[0].code == 3);
  CHECK(outcomes[1].code == 3);
  CHECK(the_error(outcomes).find("/no/such/images") != std::string::npos);
}

TEST_CASE("processes that would sample otherwise are refused by name") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  const auto command = with(test::sampling(folder.path()), {"--steps", "2", "--out", path});
  const auto [difference, named] = GENERATE(table<test::Arguments, std::string>(
      {{{"--images", "7"}, "/images: 7 where the run has 100"}, {{"--cfg-scale", "2"}, "/sampling/cfg_scale: 2.0"}}));
  const Outcomes outcomes = Pair({command, with(command, difference)}).wait();
  CHECK((outcomes[0].code == 2 && outcomes[1].code == 2));
  CHECK(the_error(outcomes).find(named) != std::string::npos);
  CHECK(!fs::exists(path));
}

TEST_CASE("processes that would run different things are refused by name") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  const auto command = test::training({"--steps", "2", "--out", path});
  const auto [difference, named] = GENERATE(table<test::Arguments, std::string>(
      {{{"--seed", "7"}, "/seed: 7 where the run has 0"}, {{"--held-out", "synthetic:30"}, "/data: "}}));
  const Outcomes outcomes = Pair({command, with(command, difference)}).wait();
  CHECK(outcomes[0].code == 2);
  CHECK(outcomes[1].code == 2);
  const std::string error = the_error(outcomes);
  CAPTURE(error);
  CHECK(error.find("rank 1 beside rank 0") != std::string::npos);
  CHECK(error.find(named) != std::string::npos);
  CHECK(!fs::exists(path));
}

TEST_CASE("a process whose peers do not come can be interrupted") {
  const test::TemporaryFolder folder;
  const auto command = test::training({"--steps", "2", "--out", folder.path() / "run"});
  for (const char* rank : {"0", "1"}) {
    test::Process process(command, {},
                          launched({{"WORLD_SIZE", "2"},
                                    {"RANK", rank},
                                    {"LOCAL_WORLD_SIZE", "2"},
                                    {"LOCAL_RANK", rank},
                                    {"MASTER_ADDR", "127.0.0.1"},
                                    {"MASTER_PORT", std::to_string(free_port())}}));
    std::this_thread::sleep_for(std::chrono::seconds(2));  // it is waiting by then
    process.send(SIGTERM);
    const auto outcome = process.wait();
    CAPTURE(rank, outcome.err);
    CHECK(outcome.code == 130);
    CHECK(test::is_one_error(outcome.err));
  }
}

TEST_CASE("a launcher's variables that make no sense are named") {
  const auto [variables, named] = GENERATE(table<Variables, std::string>(
      {{{{"WORLD_SIZE", "2"}, {"RANK", "2"}}, "RANK=2"},
       {{{"WORLD_SIZE", "2"}, {"RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}}, "MASTER_ADDR"}}));
  const auto outcome = test::Process(test::training({}), {}, launched(variables)).wait();
  CHECK(outcome.code == 2);
  CHECK(test::is_one_error(outcome.err));
  CAPTURE(outcome.err);
  CHECK(outcome.err.find(named) != std::string::npos);
}
