// SPDX-License-Identifier: Apache-2.0
// A build without CUDA.
#include "clock.h"

namespace dydit::study {

std::unique_ptr<instrument::ClockMeter> clock_of(torch::Device) { return nullptr; }

}  // namespace dydit::study
