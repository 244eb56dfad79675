// SPDX-License-Identifier: Apache-2.0
// CUPTI, for what a GPU does. One session at a time, and one in a process: before CUDA 13.1 Update 1 CUPTI gives wrong
// correlation numbers after the first.
#pragma once

#include <memory>

#include "timeline/gpu_records.h"
#include "timeline/trace.h"

namespace dydit::instrument {

class GpuSession {
 public:
  /// Throws RunError where there is none to be had, with what to do about it: a build without CUDA, no GPU, missing
  /// privileges, another profiler at work, a driver that is too old, a second session.
  GpuSession();
  ~GpuSession();
  GpuSession(const GpuSession&) = delete;
  GpuSession& operator=(const GpuSession&) = delete;

  /// Waits for the GPU and tells of what it does from now on. Which range captured a node of a graph is known as long as
  /// the session lives.
  void begin();
  /// Waits until the GPU has done all that it was given.
  void drain();
  /// For traces.
  std::vector<timeline::TraceHeader::Device> devices() const;
  /// What it did since begin(); what it does from now on is nobody's.
  timeline::GpuRecords taken();

 private:
  struct Records;
  std::unique_ptr<Records> records_;
};

}  // namespace dydit::instrument
