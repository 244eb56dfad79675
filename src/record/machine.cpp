// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fmt/chrono.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <utility>

#include "base/cores.h"
#include "record/manifest.h"

namespace dydit::record {

namespace {

// The bits of nvmlDeviceGetCurrentClocksThrottleReasons that mean "slower than it could be"; idle and
// clocks set by applications are not among them.
constexpr std::pair<unsigned long long, const char*> reasons[] = {
    {0x04, "power cap"}, {0x08, "hardware slowdown"}, {0x10, "sync boost"},
    {0x20, "thermal"},   {0x40, "hardware thermal"},  {0x80, "power brake"}};

// NVIDIA's GPUs, in the driver's order whatever CUDA_VISIBLE_DEVICES says, through the part of NVML's C interface that
// is used; every function returns 0 for success. Declared here, because its header comes with the CUDA toolkit, which a
// build need not have. A machine without the library has no GPU and no error.
class Nvml {
 public:
  Nvml()
      : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL), [](void* l) {
          if (l != nullptr) ::dlclose(l);
        }) {
    ready_ = call("nvmlInit_v2");
  }
  ~Nvml() { call("nvmlShutdown"); }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  unsigned count() const {
    unsigned count = 0;
    return ready_ && call("nvmlDeviceGetCount_v2", &count) ? count : 0;
  }

  /// "580.159.04", or null without a driver.
  Json driver() const { return ready_ ? text("nvmlSystemGetDriverVersion") : Json(); }

  std::string name(unsigned index) const {
    const Json name = text("nvmlDeviceGetName", device(index));
    return name.is_null() ? "" : name.get<std::string>();
  }

  /// Clocks in MHz, and what holds them down.
  Json state(unsigned index) const {
    constexpr int sm_clock = 1, memory_clock = 2, gpu_sensor = 0;
    unsigned sm_mhz = 0, memory_mhz = 0, celsius = 0;
    unsigned long long bits = 0;
    if (void* const gpu = device(index)) {
      call("nvmlDeviceGetClockInfo", gpu, sm_clock, &sm_mhz);
      call("nvmlDeviceGetClockInfo", gpu, memory_clock, &memory_mhz);
      call("nvmlDeviceGetTemperature", gpu, gpu_sensor, &celsius);
      call("nvmlDeviceGetCurrentClocksThrottleReasons", gpu, &bits);
    }
    Json throttling = Json::array();
    for (const auto& [bit, reason] : reasons)
      if ((bits & bit) != 0) throttling.push_back(reason);
    return {{"sm_mhz", sm_mhz}, {"memory_mhz", memory_mhz}, {"celsius", celsius}, {"throttling", throttling}};
  }

 private:
  template <typename... Arguments>
  bool call(const char* name, Arguments... arguments) const {
    if (library_ == nullptr) return false;
    const auto function = reinterpret_cast<int (*)(Arguments...)>(::dlsym(library_.get(), name));
    return function != nullptr && function(arguments...) == 0;
  }

  /// Null where there is none.
  template <typename... Arguments>
  Json text(const char* name, Arguments... arguments) const {
    std::array<char, 96> text{};
    return call(name, arguments..., text.data(), unsigned{text.size()}) ? Json(text.data()) : Json();
  }

  void* device(unsigned index) const {
    void* device = nullptr;
    return call("nvmlDeviceGetHandleByIndex_v2", index, &device) ? device : nullptr;
  }

  std::unique_ptr<void, void (*)(void*)> library_;
  bool ready_ = false;
};

const Nvml& nvml() {
  static const Nvml library;  // opened once: initialising takes milliseconds
  return library;
}

/// The value after `key` and `separator` in a file of such lines; "unknown" when it is not there.
std::string value_in(const char* path, const std::string& key, char separator) {
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
double cpu_mhz() {
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

}  // namespace

Json machine_description() {
  const double gib =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p30;
  utsname system{};
  ::uname(&system);
  Json names = Json::array();
  for (unsigned i = 0; i < nvml().count(); ++i) names.push_back(nvml().name(i));
  return {{"cpu", value_in("/proc/cpuinfo", "model name", ':')},
          {"cores", usable_cores()},
          {"gpus", names},
          {"driver", nvml().driver()},
          {"memory_gib", std::round(gib * 10) / 10},
          {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')},
          {"kernel", std::string(system.sysname) + " " + system.release}};
}

Json machine_state() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  Json state = {{"load", load}, {"cpu_mhz", cpu_mhz()}};
  for (unsigned i = 0; i < nvml().count(); ++i) state["gpus"].push_back(nvml().state(i));
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

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace dydit::record
