// SPDX-License-Identifier: Apache-2.0
#include "cupti_records.h"

#include <cuda_occupancy.h>
#include <cxxabi.h>
#include <fmt/format.h>

#include <climits>
#include <cstdlib>
#include <limits>
#include <memory>

namespace dydit::instrument {

using timeline::DeviceSpan;
using timeline::GpuRecords;
using timeline::Interval;

namespace {

std::string demangled(const char* name) {
  if (name == nullptr) return "(unnamed kernel)";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         std::free);
  return status == 0 && text ? text.get() : name;
}

// Names as PyTorch's profiler gives them.
const char* memory_of(int kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMORY_KIND_PAGEABLE:
      return "Pageable";
    case CUPTI_ACTIVITY_MEMORY_KIND_PINNED:
      return "Pinned";
    case CUPTI_ACTIVITY_MEMORY_KIND_DEVICE:
      return "Device";
    case CUPTI_ACTIVITY_MEMORY_KIND_ARRAY:
      return "Array";
    case CUPTI_ACTIVITY_MEMORY_KIND_MANAGED:
      return "Managed";
    default:
      return "Unknown";
  }
}
std::string name_of(const CUpti_ActivityMemcpy6& copy) {
  const char* const way = copy.copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_HTOD   ? "HtoD"
                          : copy.copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOH ? "DtoH"
                          : copy.copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOD ? "DtoD"
                                                                             : "Unknown";
  return fmt::format("Memcpy {} ({} -> {})", way, memory_of(copy.srcKind), memory_of(copy.dstKind));
}

}  // namespace

// Warps of the kernel that a multiprocessor holds at once, over those that it can hold; NaN where nobody knows.
double RecordReader::occupancy(const CUpti_ActivityKernel10& kernel) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  auto [of, fresh] = devices_.try_emplace(kernel.deviceId);
  if (fresh && cudaGetDeviceProperties(&of->second, static_cast<int>(kernel.deviceId)) != cudaSuccess) of->second = {};
  const cudaDeviceProp& device = of->second;
  if (device.maxThreadsPerMultiProcessor == 0 || device.warpSize == 0) return unknown;
  const cudaOccDeviceProp properties(device);
  cudaOccFuncAttributes attributes;
  attributes.maxThreadsPerBlock = INT_MAX;
  attributes.numRegs = kernel.registersPerThread;
  attributes.sharedSizeBytes = static_cast<std::size_t>(kernel.staticSharedMemory);
  attributes.partitionedGCConfig = PARTITIONED_GC_OFF;
  attributes.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  attributes.maxDynamicSharedSizeBytes = static_cast<std::size_t>(kernel.dynamicSharedMemory);
  attributes.numBlockBarriers = 1;
  const cudaOccDeviceState state;
  const int threads = kernel.blockX * kernel.blockY * kernel.blockZ;
  cudaOccResult result;
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &properties, &attributes, &state, threads,
                                              static_cast<std::size_t>(kernel.dynamicSharedMemory)) != CUDA_OCC_SUCCESS)
    return unknown;
  const int warps = (threads + device.warpSize - 1) / device.warpSize;
  return static_cast<double>(result.activeBlocksPerMultiprocessor * warps) /
         static_cast<double>(device.maxThreadsPerMultiProcessor / device.warpSize);
}

void RecordReader::read(const CUpti_Activity* record, GpuRecords& records) {
  const auto at = [](const auto& of) {
    return Interval{static_cast<std::int64_t>(of.start), static_cast<std::int64_t>(of.end)};
  };
  switch (record->kind) {
    case CUPTI_ACTIVITY_KIND_KERNEL:
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: {
      const auto& k = *reinterpret_cast<const CUpti_ActivityKernel10*>(record);
      const auto number = [](std::int32_t n) { return static_cast<std::uint32_t>(n); };
      records.work.push_back({.kind = DeviceSpan::Kind::kernel,
                              .name = demangled(k.name),
                              .device = k.deviceId,
                              .stream = k.streamId,
                              .at = at(k),
                              .correlation = k.correlationId,
                              .graph_node = k.graphNodeId,
                              .launch = {.grid = {number(k.gridX), number(k.gridY), number(k.gridZ)},
                                         .block = {number(k.blockX), number(k.blockY), number(k.blockZ)},
                                         .registers = k.registersPerThread,
                                         .shared_bytes = number(k.staticSharedMemory) + number(k.dynamicSharedMemory),
                                         .occupancy = occupancy(k)}});
      return;
    }
    case CUPTI_ACTIVITY_KIND_MEMCPY: {
      const auto& c = *reinterpret_cast<const CUpti_ActivityMemcpy6*>(record);
      records.work.push_back({.kind = DeviceSpan::Kind::copy,
                              .name = name_of(c),
                              .device = c.deviceId,
                              .stream = c.streamId,
                              .at = at(c),
                              .correlation = c.correlationId,
                              .graph_node = c.graphNodeId,
                              .bytes = static_cast<double>(c.bytes)});
      return;
    }
    case CUPTI_ACTIVITY_KIND_MEMSET: {
      const auto& m = *reinterpret_cast<const CUpti_ActivityMemset4*>(record);
      records.work.push_back({.kind = DeviceSpan::Kind::set,
                              .name = fmt::format("Memset ({})", memory_of(m.memoryKind)),
                              .device = m.deviceId,
                              .stream = m.streamId,
                              .at = at(m),
                              .correlation = m.correlationId,
                              .graph_node = m.graphNodeId,
                              .bytes = static_cast<double>(m.bytes)});
      return;
    }
    case CUPTI_ACTIVITY_KIND_OVERHEAD: {
      const auto& overhead = *reinterpret_cast<const CUpti_ActivityOverhead3*>(record);
      std::free(overhead.overheadData);
      if (overhead.start != 0) records.collector.push_back(at(overhead));  // 0: nobody knows when it was
      return;
    }
    default:
      return;
  }
}

}  // namespace dydit::instrument
