// SPDX-License-Identifier: Apache-2.0
// Calls of the CUDA API as CUPTI's callbacks tell of them. Records of calls would be had for less code, but CUPTI 13.0
// makes those of chosen calls only where every call is slowed down, and a pass of LibTorch has thousands.
#pragma once

#include <cupti.h>

#include <mutex>
#include <vector>

#include "timeline/gpu_records.h"

namespace dydit::instrument {

class Calls {
 public:
  /// From now on, or until now, those calls are told that ask a GPU for something, wait for it or take its memory.
  static void listen(CUpti_SubscriberHandle subscriber, bool on);
  /// What the subscriber's callback is told.
  void told(CUpti_CallbackDomain domain, const CUpti_CallbackData& call);
  /// What was told since the last time.
  std::vector<timeline::GpuRecords::Call> taken();

 private:
  struct Told {
    const char* name;
    std::uint32_t system_thread;
    timeline::Interval at;
    std::uint32_t correlation;
  };
  std::mutex mutex_;  // of what follows
  std::vector<Told> told_;
};

}  // namespace dydit::instrument
