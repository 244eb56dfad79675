// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>

#include "record/manifest.h"

namespace dydit::record {

/// The value after `key` and `separator` in a file of such lines; "unknown" when it is not there.
static std::string value_in(const char* path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto split = line.find(separator);
    if (split == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const auto begin = line.find_first_not_of(" \t\"", split + 1);
    const auto end = line.find_last_not_of(" \t\"");
    if (begin != std::string::npos) return line.substr(begin, end - begin + 1);
  }
  return "unknown";
}

/// Names of the NVIDIA GPUs, as the driver tells them.
static Json gpu_names() {
  Json names = Json::array();
  std::error_code none;
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", none))
    folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders)
    names.push_back(value_in((folder / "information").c_str(), "Model", ':'));
  return names;
}

Json machine_description() {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  ::sched_getaffinity(0, sizeof usable, &usable);
  const double gib =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p30;
  utsname system{};
  ::uname(&system);
  return {{"cpu", value_in("/proc/cpuinfo", "model name", ':')},
          {"cores", CPU_COUNT(&usable)},
          {"gpus", gpu_names()},
          {"memory_gib", std::round(gib * 10) / 10},
          {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')},
          {"kernel", std::string(system.sysname) + " " + system.release}};
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace dydit::record
