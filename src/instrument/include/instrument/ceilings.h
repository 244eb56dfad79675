// SPDX-License-Identifier: Apache-2.0
// What the machine reaches at best: the ceilings of a roofline.
#pragma once

#include "instrument/interleaved.h"

namespace dydit::instrument {

/// Work whose rate is a ceiling, to be timed among the variants that are held against it.
struct Ceiling {
  Variant variant;
  double amount;  ///< multiply-accumulates, or bytes read and written, of one pass
};

/// A product of two square matrices, of 2048 rows on the CPU and 8192 on a GPU.
Ceiling product_ceiling(torch::Device device, torch::Dtype dtype);

/// A copy of so many bytes, on a GPU of 256 MiB at least: activations of the CPU move at another rate than what no cache
/// holds.
Ceiling copy_ceiling(torch::Device device, std::int64_t bytes);

}  // namespace dydit::instrument
