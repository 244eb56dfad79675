// SPDX-License-Identifier: Apache-2.0
#include "clock.h"

#include "gpu/clock.h"

namespace dydit::study {

std::unique_ptr<instrument::ClockMeter> clock_of(torch::Device device) { return gpu::clock_meter(device); }

}  // namespace dydit::study
