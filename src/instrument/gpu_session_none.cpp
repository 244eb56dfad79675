// SPDX-License-Identifier: Apache-2.0
// Of a build without CUDA.
#include "base/error.h"
#include "instrument/gpu_session.h"

namespace dydit::instrument {

using timeline::GpuRecords;

struct GpuSession::Records {};

GpuSession::GpuSession() {
  throw RunError("nothing to collect what a GPU does", "CUPTI", "build with -DDYDIT_CUDA=ON where a CUDA toolkit is");
}
GpuSession::~GpuSession() = default;
void GpuSession::begin() {}
void GpuSession::drain() {}
std::vector<timeline::TraceHeader::Device> GpuSession::devices() const { return {}; }
GpuRecords GpuSession::taken() { return {}; }

}  // namespace dydit::instrument
