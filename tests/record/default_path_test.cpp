// SPDX-License-Identifier: Apache-2.0
#include "catch.h"
#include "record/run_directory.h"
#include "temporary_folder.h"

using namespace dydit::record;

namespace {

/// Works in another folder while it lives.
class WorkingFolder {
 public:
  explicit WorkingFolder(const std::filesystem::path& path) { std::filesystem::current_path(path); }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

}  // namespace

TEST_CASE("the default path is the newest run of the same identity, else a new one") {
  const dydit::test::TemporaryFolder folder;
  const WorkingFolder inside(folder.path());
  const Json mine = {{"identity", {{"profile", "quick"}}}}, other = {{"identity", {{"profile", "long"}}}};
  CHECK(default_run_path("quick", mine) == "runs/quick-1");
  { RunDirectory run("runs/quick-1", mine); }
  CHECK(default_run_path("quick", mine) == "runs/quick-1");
  CHECK(default_run_path("quick", other) == "runs/quick-2");
  CHECK(default_run_path("qui", mine) == "runs/qui-1");
  { RunDirectory("runs/quick-1", mine).finish(); }
  CHECK(default_run_path("quick", mine) == "runs/quick-1");  // finished: nothing is computed again
  { RunDirectory run("runs/quick-10", mine); }
  { RunDirectory run("runs/quick-x-3", mine); }
  std::filesystem::create_directories("runs/quick-30");
  CHECK(default_run_path("quick", mine) == "runs/quick-10");
  CHECK(default_run_path("quick", other) == "runs/quick-31");
  CHECK(default_run_path("../up", mine).parent_path() == "runs");
}

TEST_CASE("a folder of that name which cannot be looked into is none of the same identity") {
  const dydit::test::TemporaryFolder folder;
  const WorkingFolder inside(folder.path());
  const Json mine = {{"identity", {{"profile", "quick"}}}};
  { RunDirectory run("runs/quick-1", mine); }
  std::filesystem::create_directory_symlink("quick-2", "runs/quick-2");  // refused to root as well
  CHECK(default_run_path("quick", mine) == "runs/quick-1");
  CHECK(default_run_path("quick", {{"identity", "other"}}) == "runs/quick-3");
}
