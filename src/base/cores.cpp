// SPDX-License-Identifier: Apache-2.0
#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace dydit {

namespace fs = std::filesystem;

namespace {

// Quota over period of one group; nothing where it has none ("max", or -1 in version 1).
std::optional<double> quota_of(const fs::path& group) {
  double quota = 0, period = 0;
  if (std::ifstream both(group / "cpu.max"); both >> quota >> period && quota > 0 && period > 0) return quota / period;
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The folders of the hierarchy that a line "number:controllers:/path" names, where it is one that limits the CPU.
std::vector<fs::path> mounts_of(const fs::path& mounts, const std::string& controllers) {
  if (controllers.empty()) return {mounts};  // version 2
  if (("," + controllers + ",").find(",cpu,") == std::string::npos) return {};
  return {mounts / controllers, mounts / "cpu"};
}

}  // namespace

std::optional<double> cpu_quota(const fs::path& system) {
  std::optional<double> least;
  std::ifstream groups(system / "proc" / "self" / "cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    // Without a ".." before the root. In a container the path may be that of the host, and what is mounted the
    // container's own group: folders that are not there are passed over, up to the mount itself.
    const fs::path group = fs::path(line.substr(second + 1)).lexically_normal().relative_path();
    for (const fs::path& mount : mounts_of(system / "sys" / "fs" / "cgroup", controllers))
      for (fs::path path = group;; path = path.parent_path()) {
        if (const auto quota = quota_of(mount / path)) least = std::min(least.value_or(*quota), *quota);
        if (path.empty()) break;
      }
  }
  return least;
}

// Rounded up: with a thread less a part of the quota would lie idle; with one more all of it is used, and threads wait
// for the next period only where all are busy.
int cores_within(int allowed, std::optional<double> quota) {
  const double limit = quota ? std::ceil(*quota) : allowed;
  return std::max(1, limit < allowed ? static_cast<int>(limit) : allowed);
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return cores_within(::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1, cpu_quota("/"));
}

}  // namespace dydit
