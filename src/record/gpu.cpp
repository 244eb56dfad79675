// SPDX-License-Identifier: Apache-2.0
#include "gpu.h"

#include <dlfcn.h>

#include <array>
#include <memory>
#include <utility>

namespace dydit::record {

namespace {

// The bits of nvmlDeviceGetCurrentClocksThrottleReasons that mean "slower than it could be"; idle and
// clocks set by applications are not among them.
constexpr std::array<std::pair<unsigned long long, const char*>, 6> reasons{{{0x04, "power cap"},
                                                                             {0x08, "hardware slowdown"},
                                                                             {0x10, "sync boost"},
                                                                             {0x20, "thermal"},
                                                                             {0x40, "hardware thermal"},
                                                                             {0x80, "power brake"}}};

// The part of NVML's C interface that is used; every function returns 0 for success. Declared here, because
// its header comes with the CUDA toolkit, which a build need not have.
class Nvml {
 public:
  using Device = void*;

  Nvml()
      : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL), [](void* l) {
          if (l != nullptr) ::dlclose(l);
        }) {
    ready_ = call("nvmlInit_v2");
  }
  ~Nvml() { call("nvmlShutdown"); }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  template <typename... Arguments>
  bool call(const char* name, Arguments... arguments) const {
    if (library_ == nullptr) return false;
    const auto function = reinterpret_cast<int (*)(Arguments...)>(::dlsym(library_.get(), name));
    return function != nullptr && function(arguments...) == 0;
  }

  unsigned count() const {
    unsigned count = 0;
    return ready_ && call("nvmlDeviceGetCount_v2", &count) ? count : 0;
  }

  std::string driver() const {
    std::array<char, 96> text{};
    return ready_ && call("nvmlSystemGetDriverVersion", text.data(), unsigned{text.size()}) ? text.data()
                                                                                            : "";
  }

  Gpu gpu(unsigned index) const {
    constexpr int sm_clock = 1, memory_clock = 2, gpu_sensor = 0;
    Gpu gpu;
    Device device = nullptr;
    if (!call("nvmlDeviceGetHandleByIndex_v2", index, &device)) return gpu;
    std::array<char, 96> name{};
    if (call("nvmlDeviceGetName", device, name.data(), unsigned{name.size()})) gpu.name = name.data();
    call("nvmlDeviceGetClockInfo", device, sm_clock, &gpu.sm_mhz);
    call("nvmlDeviceGetClockInfo", device, memory_clock, &gpu.memory_mhz);
    call("nvmlDeviceGetTemperature", device, gpu_sensor, &gpu.celsius);
    unsigned long long bits = 0;
    call("nvmlDeviceGetCurrentClocksThrottleReasons", device, &bits);
    for (const auto& [bit, reason] : reasons)
      if ((bits & bit) != 0) gpu.throttling.emplace_back(reason);
    return gpu;
  }

 private:
  std::unique_ptr<void, void (*)(void*)> library_;
  bool ready_ = false;
};

const Nvml& nvml() {
  static const Nvml library;  // opened once: initialising takes milliseconds
  return library;
}

}  // namespace

std::vector<Gpu> gpus() {
  std::vector<Gpu> found;
  for (unsigned i = 0; i < nvml().count(); ++i) found.push_back(nvml().gpu(i));
  return found;
}

std::string gpu_driver() {
  return nvml().driver();
}

}  // namespace dydit::record
