// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace dydit::instrument {

/// The most bytes of tensors that are alive at once of those that `work` allocates, on any device and on all threads
/// that work for it. What libraries take behind LibTorch's back is not among them.
std::int64_t peak_bytes(const std::function<void()>& work);

}  // namespace dydit::instrument
