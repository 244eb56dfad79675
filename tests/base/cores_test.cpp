// SPDX-License-Identifier: Apache-2.0
#include "base/cores.h"

#include <fstream>
#include <thread>

#include "catch.h"
#include "temporary_folder.h"

using namespace dydit;

namespace {

class System {
 public:
  explicit System(const std::string& groups) { write("proc/self/cgroup", groups); }
  System& write(const std::string& file, const std::string& text) {
    const auto path = folder_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
    return *this;
  }
  std::optional<double> quota() const { return cpu_quota(folder_.path()); }

 private:
  test::TemporaryFolder folder_;
};

const std::string mount = "sys/fs/cgroup/";

}  // namespace

TEST_CASE("without a quota there is none") {
  CHECK(!System("").quota());
  CHECK(!System("0::/").quota());
  CHECK(!System("0::/").write(mount + "cpu.max", "max 100000").quota());
  CHECK(!System("4:cpu,cpuacct:/")
             .write(mount + "cpu/cpu.cfs_quota_us", "-1")
             .write(mount + "cpu/cpu.cfs_period_us", "100000")
             .quota());
  CHECK(!System("nonsense").write(mount + "cpu.max", "100000 100000").quota());
  for (const char* bad : {"", "five", "0 0", "100000 0", "-1 100000", "100000"})
    CHECK(!System("0::/").write(mount + "cpu.max", bad).quota());
  CHECK(!cpu_quota("/nowhere"));
}

TEST_CASE("of version 2 the least quota of the group and those above counts") {
  CHECK(System("0::/").write(mount + "cpu.max", "150000 100000").quota() == 1.5);
  System nested("0::/a/b/c");
  nested.write(mount + "a/b/c/cpu.max", "max 100000").write(mount + "a/b/cpu.max", "400000 100000");
  CHECK(nested.quota() == 4);
  nested.write(mount + "a/cpu.max", "100000 50000");
  CHECK(nested.quota() == 2);
  nested.write(mount + "a/b/c/cpu.max", "50000 100000");
  CHECK(nested.quota() == 0.5);
  nested.write(mount + "other/cpu.max", "1000 100000");
  CHECK(nested.quota() == 0.5);
}

TEST_CASE("of version 1 those of the controller cpu count") {
  const std::string groups = "5:memory:/x\n4:cpu,cpuacct:/x/y\n3:cpuset:/z\n0::/";
  for (const char* folder : {"cpu/", "cpu,cpuacct/"}) {
    System system(groups);
    system.write(mount + folder + "x/y/cpu.cfs_quota_us", "300000")
        .write(mount + folder + "x/y/cpu.cfs_period_us", "100000");
    CHECK(system.quota() == 3);
    system.write(mount + folder + "x/cpu.cfs_quota_us", "50000")
        .write(mount + folder + "x/cpu.cfs_period_us", "100000");
    CHECK(system.quota() == 0.5);
  }
  CHECK(!System(groups)
             .write(mount + "cpuset/z/cpu.cfs_quota_us", "1")
             .write(mount + "cpuset/z/cpu.cfs_period_us", "1")
             .quota());
}

TEST_CASE("in a container that sees its own group at the mount alone, that one counts") {
  CHECK(System("0::/docker/0123").write(mount + "cpu.max", "200000 100000").quota() == 2);
  CHECK(System("0::/../../0123").write(mount + "cpu.max", "200000 100000").quota() == 2);
}

TEST_CASE("cores are those allowed, within the quota, and at least one") {
  CHECK(cores_within(8, {}) == 8);
  CHECK(cores_within(8, 1.5) == 2);
  CHECK(cores_within(8, 2.0) == 2);
  CHECK(cores_within(8, 0.01) == 1);
  CHECK(cores_within(1, 1.5) == 1);
  CHECK(cores_within(8, 1e300) == 8);
  CHECK(cores_within(0, {}) == 1);
  CHECK(usable_cores() <= static_cast<int>(std::thread::hardware_concurrency()));
}
