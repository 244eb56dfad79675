// SPDX-License-Identifier: Apache-2.0
// NVIDIA GPUs as the driver's management library (NVML) tells of them. The library is opened at run time: a
// machine without a driver has no GPU and no error.
#pragma once

#include <string>
#include <vector>

namespace dydit::record {

struct Gpu {
  std::string name;
  unsigned sm_mhz = 0, memory_mhz = 0;  ///< clocks now
  unsigned celsius = 0;
  std::vector<std::string> throttling;  ///< what holds the clocks down now: "power cap", "thermal" ...
};

/// In the driver's order, whatever CUDA_VISIBLE_DEVICES says.
std::vector<Gpu> gpus();

/// "580.159.04", or empty without a driver.
std::string gpu_driver();

}  // namespace dydit::record
