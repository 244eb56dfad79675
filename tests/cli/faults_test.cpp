// SPDX-License-Identifier: Apache-2.0
// What a run meets: a full disk, too little memory, folders that take nothing, data that change below it, a
// clock that jumps. One line, the exit code of the contract, nothing half-written; once the fault is gone the
// same command ends in the bytes of an undisturbed one.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/file.h"
#include "catch.h"
#include "checkpoint/support.h"
#include "record/run_directory.h"
#include "test_folder.h"
#include "tiny_runs.h"

using namespace dydit;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using test::is_one_error;
using test::training;
namespace fs = std::filesystem;

namespace {

test::Arguments with(test::Arguments arguments, const test::Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void check_refused(const test::Outcome& outcome, int code, const std::string& named) {
  CAPTURE(outcome.code, outcome.signal, outcome.err);
  CHECK(outcome.code == code);
  CHECK(is_one_error(outcome.err));
  CHECK_THAT(outcome.err, Contains(named));
}

bool holds_unfinished_file(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".part") return true;
  return false;
}

/// Limits a resource of the child. A file over its limit is an error of write() as on a full disk.
test::Before limit(int resource, rlim_t most) {
  return [=] {
    const rlimit value{most, most};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) ::_exit(126);
  };
}

}  // namespace

namespace {

/// A disk of the given size, which this process and its children alone see.
class SmallDisk {
 public:
  SmallDisk(fs::path folder, std::size_t bytes) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    there_ = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size(bytes).c_str()) == 0;
  }
  ~SmallDisk() {
    if (there_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool there() const { return there_; }  ///< false where this process may not mount
  void resize(std::size_t bytes) const {
    REQUIRE(::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT, size(bytes).c_str()) == 0);
  }

 private:
  static std::string size(std::size_t bytes) { return fmt::format("size={}", bytes); }
  fs::path folder_;
  bool there_;
};

}  // namespace

TEST_CASE("a disk that is full stops a run wherever it comes to that, and it goes on when there is room") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  // Pages of 4 KiB, full at the first record and at two checkpoints; at the manifest and at a record.
  const std::vector<std::pair<test::Arguments, std::vector<std::size_t>>> commands{
      {training({"--steps", "6", "--checkpoint-every", "2", "--record-every", "1"}), {3, 7, 63}},
      {{"study", "loss-map", profile, "--threads", "1", "--device", "cpu"}, {3, 7}}};
  for (std::size_t c = 0; c < commands.size(); ++c) {
    const auto& [command, sizes] = commands[c];
    const auto whole = folder.path() / ("whole-" + std::to_string(c)), small = folder.path() / std::to_string(c),
               run = small / "run";
    REQUIRE(test::run_dydit(with(command, {"--out", whole})).code == 0);
    const SmallDisk disk(small, 4096);
    if (!disk.there()) {
      WARN("skipped: nothing may be mounted here");
      return;
    }
    for (const std::size_t pages : sizes) {
      CAPTURE(command.front(), pages);
      disk.resize(4096 * pages);
      const auto outcome = test::run_dydit(with(command, {"--out", run}));
      check_refused(outcome, 4, "No space left on device");
      CHECK_THAT(outcome.err, Contains(run.string()));
      CHECK(!holds_unfinished_file(run));
    }
    disk.resize(std::size_t{1} << 24);
    CHECK(test::run_dydit(with(command, {"--out", run})).code == 0);
    CHECK(test::result_of(run) == test::result_of(whole));
  }
}

TEST_CASE("at a limit of a file's size a run stops, and goes on when there is room") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  const std::vector<std::pair<test::Arguments, std::vector<rlim_t>>> commands{
      {training({"--steps", "6", "--checkpoint-every", "2", "--record-every", "1"}), {500, 20'000}},
      {{"study", "loss-gap", profile, "--threads", "1", "--device", "cpu"}, {7000}}};
  for (std::size_t c = 0; c < commands.size(); ++c) {
    const auto& [command, limits] = commands[c];
    const auto whole = folder.path() / ("whole-" + std::to_string(c));
    REQUIRE(test::run_dydit(with(command, {"--out", whole})).code == 0);
    for (const rlim_t bytes : limits) {
      const auto run = folder.path() / (std::to_string(c) + "-" + std::to_string(bytes));
      CAPTURE(command.front(), bytes);
      check_refused(test::run_dydit(with(command, {"--out", run}), {}, limit(RLIMIT_FSIZE, bytes)), 4,
                    "cannot write: " + run.string());
      CHECK(!holds_unfinished_file(run));
      CHECK(test::run_dydit(with(command, {"--out", run})).code == 0);
      CHECK(test::result_of(run) == test::result_of(whole));
    }
  }
}

TEST_CASE("sampling stops where the disk is full, at an image or the .npz, and goes on when there is room") {
  const test::TemporaryFolder folder;
  const auto fewer = with(test::sampling(folder.path()), {"--batch", "8", "--steps", "3"}),
             command = with(fewer, {"--images", "60"});
  const auto whole = folder.path() / "whole", limited = folder.path() / "limited", small = folder.path() / "small";
  REQUIRE(test::run_dydit(with(command, {"--out", whole})).code == 0);
  REQUIRE(test::run_dydit(with(fewer, {"--images", "24", "--out", limited})).code == 0);
  check_refused(test::run_dydit(with(command, {"--out", limited}), {}, limit(RLIMIT_FSIZE, 8000)), 4,
                "cannot write: " + (limited / "samples.npz").string());
  CHECK(!holds_unfinished_file(limited));
  CHECK(test::images_of(limited).size() == 60 + 3);  // three of them are of the first 24
  CHECK(test::run_dydit(with(command, {"--out", limited})).code == 0);
  CHECK((test::images_of(limited) == test::images_of(whole)));

  const SmallDisk disk(small, 4096);
  if (!disk.there()) {
    WARN("skipped: nothing may be mounted here");
    return;
  }
  for (const std::size_t pages : {20, 40}) {
    CAPTURE(pages);
    disk.resize(4096 * pages);
    check_refused(test::run_dydit(with(command, {"--out", small / "run"})), 4, "No space left on device");
    CHECK(!holds_unfinished_file(small));
    for (const auto& [name, bytes] : test::images_of(small / "run")) CHECK((bytes == read_file(whole / name)));
  }
  disk.resize(std::size_t{1} << 24);
  CHECK(test::run_dydit(with(command, {"--out", small / "run"})).code == 0);
  CHECK((test::images_of(small / "run") == test::images_of(whole)));
}

TEST_CASE("a full disk does not pass for a report, an exported checkpoint or a printed figure") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run", page = folder.path() / "page", whole = folder.path() / "whole",
             exported = folder.path() / "out.safetensors";
  REQUIRE(test::run_dydit({"study", "loss-map", test::study_profile(folder.path()), "--threads", "1", "--device", "cpu",
                           "--out", run})
              .code == 0);
  REQUIRE(test::run_dydit({"report", run, "--out", whole}).code == 0);
  for (const rlim_t bytes : {3000, 20'000}) {
    CAPTURE(bytes);
    check_refused(test::run_dydit({"report", run, "--out", page}, {}, limit(RLIMIT_FSIZE, bytes)), 4, page.string());
    CHECK(!holds_unfinished_file(page));
    for (const auto& [name, content] : test::files_in(page)) {
      CAPTURE(name);
      CHECK((content == read_file(whole / name)));
    }
  }
  REQUIRE(test::run_dydit({"report", run, "--out", page}).code == 0);
  CHECK((test::files_in(page) == test::files_in(whole)));

  const auto checkpoint = folder.path() / "trained" / "checkpoints" / "DiT-00000006.safetensors";
  check_refused(
      test::run_dydit({"export", "--checkpoint", checkpoint, "--output", exported}, {}, limit(RLIMIT_FSIZE, 1000)), 4,
      exported.string());
  CHECK(!fs::exists(exported));
  CHECK(!holds_unfinished_file(folder.path()));

  const auto to_full_disk = [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); };
  check_refused(test::run_dydit({"info", "--model", "DiT-S/2", "--json"}, {}, to_full_disk), 4, "standard output");
}

#ifndef __SANITIZE_ADDRESS__  // takes terabytes of address space
TEST_CASE("a cell without enough memory fails, the others are as without it") {
  const test::TemporaryFolder folder;
  // The hidden layer of "greedy" has 256 tokens x 8,192 units, 8 MiB for an image: 3.1 GiB for a chunk of
  // 400.
  const auto train = [&](const std::string& name, const std::string& ratio) {
    const auto run = folder.path() / name;
    REQUIRE(test::run_dydit({"train",
                             "--hidden-size",
                             "64",
                             "--depth",
                             "1",
                             "--num-heads",
                             "2",
                             "--in-channels",
                             "3",
                             "--input-size",
                             "16",
                             "--patch-size",
                             "1",
                             "--num-classes",
                             "10",
                             "--mlp-ratio",
                             ratio,
                             "--data",
                             "synthetic:10",
                             "--batch",
                             "1",
                             "--steps",
                             "1",
                             "--held-out-images",
                             "1",
                             "--threads",
                             "1",
                             "--device",
                             "cpu",
                             "--out",
                             run})
                .code == 0);
    return name + "=" + (run / "checkpoints" / "DiT-00000001.safetensors").string();
  };
  const std::string modest = train("modest", "1"), greedy = train("greedy", "128");
  const auto study = [&](const test::Arguments& models, const std::string& name) {
    return with(with({"study", "loss-gap", "--model"}, models),
                {"--data", "synthetic:401", "--size", "16", "--images", "0", "--chunk", "400", "--at", "500",
                 "--threads", "1", "--device", "cpu", "--out", folder.path() / name});
  };
  const auto outcome = test::run_dydit(study({modest, greedy}, "both"), {}, limit(RLIMIT_DATA, rlim_t{2} << 30));
  check_refused(outcome, 4, "1 cell failed");
  std::map<std::string, int> failed;
  for (const record::Record& record : record::read_run(folder.path() / "both").records) {
    CAPTURE(record.axes.dump(), record.error);
    const bool too_much = record.axes["model"] == "greedy" && record.axes["count"] == 400;
    CHECK((record.status == record::Status::failed) == too_much);
    if (too_much) CHECK_THAT(record.error, Contains("memory"));
    CHECK(record.tensors.empty() == too_much);
    ++failed[record.axes["model"]];
  }
  CHECK((failed == std::map<std::string, int>{{"modest", 2}, {"greedy", 2}}));

  REQUIRE(test::run_dydit(study({modest}, "alone")).code == 0);
  const auto both = test::result_of(folder.path() / "both"), alone = test::result_of(folder.path() / "alone");
  CHECK(alone.files.size() == 2);
  for (const auto& [name, bytes] : alone.files) CHECK((both.files.contains(name) && both.files.at(name) == bytes));
}
#endif

namespace {

/// A folder of which a child sees that it is read-only. The rights of a file mean nothing to root, who needs
/// a mount.
class ReadOnly {
 public:
  explicit ReadOnly(fs::path folder) : folder_(std::move(folder)) {
    if (::geteuid() != 0) fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  }
  ~ReadOnly() {
    if (::geteuid() != 0) fs::permissions(folder_, fs::perms::owner_all);
  }
  test::Before mounted() const {
    if (::geteuid() != 0) return {};
    return [path = folder_.string()] {
      const char* const at = path.c_str();
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount(at, at, nullptr, MS_BIND, nullptr) != 0 ||
          ::mount(nullptr, at, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
        ::_exit(no_mounts);
    };
  }
  static constexpr int no_mounts = 124;

 private:
  fs::path folder_;
};

}  // namespace

TEST_CASE("in a read-only folder nothing is begun or gone on with, but read") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "place";
  fs::create_directory(place);
  const auto profile = test::study_profile(place);
  const auto checkpoint = place / "trained" / "checkpoints" / "DiT-00000006.safetensors";
  const auto trained = training({"--steps", "6", "--checkpoint-every", "3", "--out", place / "trained"});
  const auto before = test::files_in(place);
  {
    const ReadOnly read_only(place);
    if (test::run_dydit({"--version"}, {}, read_only.mounted()).code == ReadOnly::no_mounts) {
      WARN("skipped: root may not mount here, and its rights cannot be taken away");
      return;
    }
    for (const test::Arguments& arguments : {training({"--steps", "1", "--out", place / "new"}),
                                             trained,
                                             {"report", place / "trained"},
                                             {"export", "--checkpoint", checkpoint, "--output", place / "new"}}) {
      CAPTURE(arguments);
      check_refused(test::run_dydit(arguments, {}, read_only.mounted()), 4, place.string());
    }
    CHECK((test::files_in(place) == before));
    CHECK(test::run_dydit(
              {"study", "loss-map", profile, "--threads", "1", "--device", "cpu", "--out", folder.path() / "run"}, {},
              read_only.mounted())
              .code == 0);
  }
  CHECK((test::files_in(place) == before));
}

namespace {

const fs::path sample = dydit::test::test_folder() / ".." / "profiles" / "data" / "cifar10-sample.zip";

/// A training on a copy of a zip of images, met while it works.
class TrainingOnZip {
 public:
  TrainingOnZip() {
    fs::copy_file(sample, zip);
    process_.emplace(arguments("run"));
    // A whole one: a fault in another thread ends the program with a file that is being written as it is.
    REQUIRE(test::appears(run / "checkpoints" / "DiT-00000040.safetensors"));
  }
  test::Arguments arguments(const std::string& name) const {
    return training(
        {"--steps", "400", "--checkpoint-every", "40", "--record-every", "200", "--out", folder_.path() / name}, zip);
  }
  test::Outcome wait() { return process_->wait(); }
  /// Once the data are as they were, the same command ends as the undisturbed one.
  void check_goes_on() const {
    CHECK(!holds_unfinished_file(run));
    fs::copy_file(sample, zip, fs::copy_options::overwrite_existing);
    REQUIRE(test::run_dydit(arguments("run")).code == 0);
    static const test::Result whole = [&] {
      REQUIRE(test::run_dydit(arguments("whole")).code == 0);
      return test::result_of(folder_.path() / "whole");
    }();
    CHECK(test::result_of(run) == whole);
  }

 private:
  test::TemporaryFolder folder_;

 public:
  const fs::path zip = folder_.path() / "images.zip", run = folder_.path() / "run";

 private:
  std::optional<test::Process> process_;
};

}  // namespace

TEST_CASE("data that go while they are read stop the run, and the same command goes on when they are back") {
  TrainingOnZip training;
  SECTION("cut short") {
    fs::resize_file(training.zip, fs::file_size(training.zip) / 3);
    check_refused(training.wait(), 3, training.zip.string());
  }
  SECTION("overwritten") {
    const auto size = static_cast<std::size_t>(fs::file_size(training.zip));
    std::fstream(training.zip, std::ios::in | std::ios::out | std::ios::binary) << std::string(size / 2, 'x');
    check_refused(training.wait(), 3, "changed while it was read: " + training.zip.string());
  }
  training.check_goes_on();
}

TEST_CASE("data that are deleted or replaced while they are open are read on; other data are no resumption") {
  TrainingOnZip training;
  fs::remove(training.zip);
  CHECK(training.wait().code == 0);
  check_refused(test::run_dydit(training.arguments("run")), 3, training.zip.string());
  std::ofstream(training.zip) << "no zip";
  check_refused(test::run_dydit(training.arguments("run")), 3, training.zip.string());
  training.check_goes_on();
  std::vector<std::pair<std::string, std::string>> other;
  for (int i = 0; i < 10; ++i) other.emplace_back(fmt::format("class{}/0.png", i), "other");
  write_atomically(training.zip, test::stored_zip(other));
  check_refused(test::run_dydit(training.arguments("run")), 2, "the run was started otherwise (/data: ");
}

TEST_CASE("a pipe in the place of a file is refused, not waited for") {
  const test::TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe.safetensors";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  check_refused(test::run_dydit({"info", "--checkpoint", pipe}), 3, pipe.string());
}

TEST_CASE("a clock that went back, and goes back during the run, changes nothing but the dates") {
  const test::TemporaryFolder folder;
#ifdef __SANITIZE_ADDRESS__  // wants to be loaded first itself
  const test::Before back = {};
#else
  const test::Before back = [] { ::setenv("LD_PRELOAD", DYDIT_BACKWARD_CLOCK, 1); };
#endif
  const auto run = folder.path() / "run", whole = folder.path() / "whole";
  const auto command = training({"--steps", "400", "--checkpoint-every", "40", "--record-every", "100"});
  test::Process process(with(command, {"--out", run}));
  REQUIRE(test::appears(run / "checkpoints"));
  process.send(SIGKILL);
  process.wait();
  // Made, as it seems to the next process, in the future; the newer a checkpoint the older its file.
  auto manifest = nlohmann::ordered_json::parse(read_file(run / "manifest.json"));
  manifest["start"] = "2199-12-31T23:59:59Z";
  write_atomically(run / "manifest.json", manifest.dump());
  auto age = 0h;
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(run)) files.insert(entry.path());
  for (const fs::path& file : files) fs::last_write_time(file, fs::file_time_type::clock::now() + 1000h - ++age);

  REQUIRE(test::run_dydit(with(command, {"--out", run}), {}, back).code == 0);
  REQUIRE(test::run_dydit(with(command, {"--out", whole})).code == 0);
  CHECK(test::result_of(run) == test::result_of(whole));
  const record::Run resumed = record::read_run(run);
  if (back) CHECK(resumed.manifest["end"].get<std::string>() < resumed.records.back().process);
  CHECK(resumed.manifest["end"].get<std::string>() < resumed.manifest["start"].get<std::string>());
  double before = 0;
  for (const record::Record& record : resumed.records) {
    CHECK(record.metrics.at("seconds").value > before);
    before = record.metrics.at("seconds").value;
    CHECK(before < 600);
    CHECK(record.metrics.at("images_per_second").value > 0);
  }
  REQUIRE(test::run_dydit({"report", run}).code == 0);
  const auto first = test::files_in(run);
  CHECK_THAT(first.at("figures/learning-curves.pdf"), Contains("(D:21991231235959Z)"));
  REQUIRE(test::run_dydit({"report", run}).code == 0);
  CHECK((test::files_in(run) == first));
}
