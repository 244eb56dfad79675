// SPDX-License-Identifier: Apache-2.0
// The clock of a GPU's multiprocessors during some work, by their own counters, which a kernel of a few microseconds
// reads before and after.
#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>
#include <span>

#include "gpu/clock_reading.h"
#include "instrument/clock_meter.h"

namespace dydit::gpu {

/// MHz: cycles over time from one reading of a multiprocessor to the other, the median over those that are in both.
/// Nothing where none is, or where the median is more than `most`; a multiprocessor whose counters do not go forward
/// counts as infinitely fast.
std::optional<double> mean_clock(std::span<const ClockReading> begin, std::span<const ClockReading> end, double most);

/// MHz.
double highest_clock(torch::Device device);

/// On the current stream; up to 1.05 of the highest clock is believed. Null where the kernels of this room cannot run.
std::unique_ptr<instrument::ClockMeter> clock_meter(torch::Device device);

}  // namespace dydit::gpu
