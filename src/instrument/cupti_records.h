// SPDX-License-Identifier: Apache-2.0
// CUPTI's activity records as the timeline wants them.
#pragma once

#include <cuda_runtime_api.h>
#include <cupti.h>

#include <map>

#include "timeline/gpu_records.h"

namespace dydit::instrument {

class RecordReader {
 public:
  /// Adds what the record tells; kinds that nobody asks about are passed over.
  void read(const CUpti_Activity* record, timeline::GpuRecords& records);

 private:
  double occupancy(const CUpti_ActivityKernel10& kernel);

  std::map<std::uint32_t, cudaDeviceProp> devices_;  // that were seen
};

}  // namespace dydit::instrument
