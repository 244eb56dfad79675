// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "base/cores.h"
#include "gpu.h"
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

/// Mean over the cores, from the "cpu MHz" lines; 0 where the system does not tell.
static double cpu_mhz() {
  std::ifstream file("/proc/cpuinfo");
  double sum = 0;
  int cores = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("cpu MHz")) {
      sum += std::strtod(line.c_str() + line.find(':') + 1, nullptr);
      ++cores;
    }
  return cores > 0 ? std::round(sum / cores) : 0;
}

Json machine_description() {
  const double gib =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p30;
  utsname system{};
  ::uname(&system);
  Json names = Json::array();
  for (const Gpu& gpu : gpus()) names.push_back(gpu.name);
  const std::string driver = gpu_driver();
  return {{"cpu", value_in("/proc/cpuinfo", "model name", ':')},
          {"cores", usable_cores()},
          {"gpus", names},
          {"driver", driver.empty() ? Json() : Json(driver)},
          {"memory_gib", std::round(gib * 10) / 10},
          {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')},
          {"kernel", std::string(system.sysname) + " " + system.release}};
}

Json machine_state() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  Json state = {{"load", load}, {"cpu_mhz", cpu_mhz()}};
  for (const Gpu& gpu : gpus())
    state["gpus"].push_back({{"sm_mhz", gpu.sm_mhz},
                             {"memory_mhz", gpu.memory_mhz},
                             {"celsius", gpu.celsius},
                             {"throttling", gpu.throttling}});
  return state;
}

std::string process_id() {
  static const std::string id = utc_now() + "/" + std::to_string(::getpid());
  return id;
}

void stamp(Record& record) {
  if (!record.process.empty()) return;
  record.process = process_id();
  record.machine.update(machine_state());
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace dydit::record
