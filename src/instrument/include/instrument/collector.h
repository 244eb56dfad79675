// SPDX-License-Identifier: Apache-2.0
// Collects where time goes, into a timeline: ranges, operators of LibTorch and kernels of our own on the host, and
// what a GPU does.
#pragma once

#include <torch/types.h>

#include <functional>

#include "instrument/gpu_session.h"
#include "timeline/timeline.h"

namespace dydit::instrument {

struct Collecting {
  bool operators = true;      ///< else ranges and kernels of our own alone
  bool work = true;           ///< MACs and bytes of operators, by the shapes of what they take and give; takes longer
  GpuSession* gpu = nullptr;  ///< where a GPU does the work: what it does is collected too, and waited for
  /// Done first, outside of the window: CUPTI changes each kernel when that is launched for the first time.
  std::function<void()> settle = [] {};
  std::size_t most_spans = std::size_t{1} << 18;  ///< of a thread; those beyond are counted as lost
};

/// What the calling thread does in `work`, and the threads that take shares of it. The window is that of the call.
/// MACs: of products and attention. Bytes: of all tensors that an operator takes and gives, once each; of what is
/// overwritten or picked from, what is written or picked; a view moves none.
timeline::Timeline collect(const Collecting& what, const std::function<void()>& work);

}  // namespace dydit::instrument
