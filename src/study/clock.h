// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <memory>

#include "instrument/clock_meter.h"

namespace dydit::study {

/// Of a GPU that the kernels of src/gpu run on; else null.
std::unique_ptr<instrument::ClockMeter> clock_of(torch::Device device);

}  // namespace dydit::study
