// SPDX-License-Identifier: Apache-2.0
// CUPTI's activity records, and its callbacks for the nodes of graphs.
#include <cuda_occupancy.h>
#include <cuda_runtime_api.h>
#include <cupti.h>
#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "base/range.h"
#include "instrument/gpu_session.h"
#include "instrument/timer.h"

namespace dydit::instrument {

using timeline::DeviceSpan;
using timeline::GpuRecords;
using timeline::Interval;

namespace {

constexpr std::size_t buffer_bytes = std::size_t{8} << 20;
constexpr std::size_t buffers_ready = 8;  // allocated before anything is timed
constexpr CUpti_ActivityKind kinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY,
                                        CUPTI_ACTIVITY_KIND_MEMSET};

struct Buffer {
  std::uint8_t* bytes = nullptr;
  std::size_t filled = 0;
};

std::string words_of(CUptiResult result) {
  const char* text = nullptr;
  cuptiGetResultString(result, &text);
  return text == nullptr ? fmt::format("error {}", static_cast<int>(result)) : text;
}

const char* remedy_of(CUptiResult result) {
  switch (result) {
    case CUPTI_ERROR_INSUFFICIENT_PRIVILEGES:
    case CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES:
      return "let users profile (NVreg_RestrictProfilingToAdminUsers=0), or run as root";
    case CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED:
    case CUPTI_ERROR_HARDWARE_BUSY:
      return "end the other profiler (Nsight, a PyTorch profiler) first";
    case CUPTI_ERROR_OLD_PROFILER_API_INITIALIZED:
    case CUPTI_ERROR_NOT_COMPATIBLE:
      return "use a driver that fits this CUPTI";
    default:
      return "see whether nvidia-smi finds the GPU and its driver is as new as the CUDA toolkit";
  }
}

void require(CUptiResult result, const char* what) {
  if (result != CUPTI_SUCCESS) throw RunError("CUPTI: " + words_of(result), what, remedy_of(result));
}

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

// "cudaLaunchKernel_v7000" -> "cudaLaunchKernel"
std::string without_version(std::string_view call) {
  const std::size_t at = call.rfind("_v");
  const bool version = at != call.npos && at + 2 < call.size() &&
                       std::ranges::all_of(call.substr(at + 2), [](char c) { return '0' <= c && c <= '9'; });
  return std::string(version ? call.substr(0, at) : call);
}

// Of the thousands of calls in a pass those alone that ask a GPU for something, or wait for it: each record takes time.
bool matters(std::string_view call) {
  constexpr std::string_view asking[] = {"cudaLaunch", "cuLaunch", "cudaGraphLaunch", "cuGraphLaunch",
                                         "cudaMemcpy", "cuMemcpy", "cudaMemset",      "cuMemset"};
  return call.find("Synchronize") != call.npos ||
         std::ranges::any_of(asking, [&](std::string_view name) { return call.starts_with(name); });
}

bool waits(std::string_view call) {
  return call.find("Synchronize") != call.npos || call == "cudaMemcpy" || call == "cuMemcpyDtoH";
}

}  // namespace

struct GpuSession::Records {
  CUpti_SubscriberHandle subscriber = nullptr;
  std::vector<Buffer> ready, filled;
  std::map<std::uint64_t, GpuRecords::Path> graph_ranges;
  std::map<std::uint32_t, cudaDeviceProp> devices;
  std::mutex mutex;  // of ready, filled and graph_ranges: CUPTI asks from threads of its own

  // CUPTI's callbacks for buffers have no place for whom they work for.
  static inline std::atomic<Records*> at_work = nullptr;
  static inline std::atomic<bool> was_at_work = false;

  ~Records() {
    for (const auto* buffers : {&ready, &filled})
      for (const Buffer& buffer : *buffers) std::free(buffer.bytes);
  }

  static void CUPTIAPI request(std::uint8_t** bytes, std::size_t* size, std::size_t* most_records);
  static void CUPTIAPI complete(CUcontext, std::uint32_t, std::uint8_t* bytes, std::size_t size, std::size_t filled);
  static void CUPTIAPI on_graph(void* self, CUpti_CallbackDomain, CUpti_CallbackId what, const void* data);

  static void for_calls(std::uint8_t enable);
  double occupancy(const CUpti_ActivityKernel10& kernel);
  void read(const CUpti_Activity* record, GpuRecords& records);
  void read_call(const CUpti_Activity* record, CUpti_CallbackDomain domain, GpuRecords& records);
};

static Buffer allocated() { return {static_cast<std::uint8_t*>(std::aligned_alloc(64, buffer_bytes)), 0}; }

void CUPTIAPI GpuSession::Records::request(std::uint8_t** bytes, std::size_t* size, std::size_t* most_records) {
  *most_records = 0;  // as many as fit
  *bytes = nullptr;
  *size = 0;
  Records* const self = at_work;
  if (self == nullptr) return;
  const std::lock_guard lock(self->mutex);
  Buffer buffer;
  if (self->ready.empty()) {
    buffer = allocated();
  } else {
    buffer = self->ready.back();
    self->ready.pop_back();
  }
  if (buffer.bytes == nullptr) return;  // CUPTI counts what it drops
  *bytes = buffer.bytes;
  *size = buffer_bytes;
}

void CUPTIAPI GpuSession::Records::complete(CUcontext, std::uint32_t, std::uint8_t* bytes, std::size_t,
                                            std::size_t filled) {
  Records* const self = at_work;
  if (self == nullptr) return std::free(bytes);
  const std::lock_guard lock(self->mutex);
  self->filled.push_back({bytes, filled});
}

// A node belongs to the range that captures it; the executable graph has a copy.
void CUPTIAPI GpuSession::Records::on_graph(void* self, CUpti_CallbackDomain, CUpti_CallbackId what, const void* data) {
  const auto& graph =
      *static_cast<const CUpti_GraphData*>(static_cast<const CUpti_ResourceData*>(data)->resourceDescriptor);
  auto& ranges = static_cast<Records*>(self)->graph_ranges;
  std::uint64_t node = 0, original = 0;
  if (cuptiGetGraphNodeId(graph.node, &node) != CUPTI_SUCCESS) return;
  const std::lock_guard lock(static_cast<Records*>(self)->mutex);
  if (what == CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED) {
    if (const Observed here = Observed::here(); here.observer != nullptr) ranges[node] = here.observer->path(here.node);
  } else if (cuptiGetGraphNodeId(graph.originalNode, &original) == CUPTI_SUCCESS) {
    if (const auto found = ranges.find(original); found != ranges.end()) ranges[node] = found->second;
  }
}

void GpuSession::Records::for_calls(std::uint8_t enable) {
  const auto each = [&](CUpti_CallbackDomain domain, int count, auto set) {
    for (int id = 1; id < count; ++id) {
      const auto call = static_cast<CUpti_CallbackId>(id);
      const char* name = nullptr;
      if (cuptiGetCallbackName(domain, call, &name) == CUPTI_SUCCESS && name != nullptr && matters(name))
        static_cast<void>(set(call, enable));  // one that this CUPTI does not know has no records
    }
  };
  each(CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_RUNTIME_TRACE_CBID_SIZE, cuptiActivityEnableRuntimeApi);
  each(CUPTI_CB_DOMAIN_DRIVER_API, CUPTI_DRIVER_TRACE_CBID_SIZE, cuptiActivityEnableDriverApi);
}

// Warps of the kernel that a multiprocessor holds at once, over those that it can hold; NaN where nobody knows.
double GpuSession::Records::occupancy(const CUpti_ActivityKernel10& kernel) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  auto [of, fresh] = devices.try_emplace(kernel.deviceId);
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

void GpuSession::Records::read_call(const CUpti_Activity* record, CUpti_CallbackDomain domain, GpuRecords& records) {
  const auto& call = *reinterpret_cast<const CUpti_ActivityAPI*>(record);
  const char* name = nullptr;
  if (cuptiGetCallbackName(domain, call.cbid, &name) != CUPTI_SUCCESS || name == nullptr) name = "(unknown call)";
  const std::string call_name = without_version(name);
  records.calls.push_back({.name = call_name,
                           .system_thread = call.threadId,
                           .at = {static_cast<std::int64_t>(call.start), static_cast<std::int64_t>(call.end)},
                           .correlation = call.correlationId,
                           .waits = waits(call_name)});
}

void GpuSession::Records::read(const CUpti_Activity* record, GpuRecords& records) {
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
    case CUPTI_ACTIVITY_KIND_RUNTIME:
      return read_call(record, CUPTI_CB_DOMAIN_RUNTIME_API, records);
    case CUPTI_ACTIVITY_KIND_DRIVER:
      return read_call(record, CUPTI_CB_DOMAIN_DRIVER_API, records);
    default:
      return;
  }
}

GpuSession::GpuSession() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
    cudaGetLastError();
    throw RunError("no GPU to collect from", "CUPTI", "see whether nvidia-smi finds one");
  }
  if (Records::was_at_work.exchange(true))
    throw RunError("a second session of CUPTI in one process", "CUPTI", "start the program again");
  records_ = std::make_unique<Records>();
  for (std::size_t i = 0; i < buffers_ready; ++i) records_->ready.push_back(allocated());
  Records::at_work = records_.get();
  try {
    require(
        cuptiSubscribe(&records_->subscriber, reinterpret_cast<CUpti_CallbackFunc>(&Records::on_graph), records_.get()),
        "subscribing");
    require(cuptiSetThreadIdType(CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM), "numbers of threads");
    require(cuptiActivityRegisterTimestampCallback([] { return static_cast<std::uint64_t>(steady_nanoseconds()); }),
            "the clock");
    require(cuptiActivityRegisterCallbacks(&Records::request, &Records::complete), "buffers");
    for (const CUpti_CallbackId what : {CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED})
      require(cuptiEnableCallback(1, records_->subscriber, CUPTI_CB_DOMAIN_RESOURCE, what), "nodes of graphs");
    for (const CUpti_ActivityKind kind : kinds) require(cuptiActivityEnable(kind), "records");
    Records::for_calls(1);
  } catch (...) {
    if (records_->subscriber != nullptr) cuptiUnsubscribe(records_->subscriber);
    Records::at_work = nullptr;
    throw;
  }
}

GpuSession::~GpuSession() {
  for (const CUpti_ActivityKind kind : kinds) cuptiActivityDisable(kind);
  Records::for_calls(0);
  cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  cuptiUnsubscribe(records_->subscriber);
  Records::at_work = nullptr;
}

std::vector<timeline::TraceHeader::Device> GpuSession::devices() const {
  std::vector<timeline::TraceHeader::Device> all;
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) return all;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp device{};
    if (cudaGetDeviceProperties(&device, i) != cudaSuccess) return all;
    all.push_back({.name = device.name,
                   .memory_bytes = device.totalGlobalMem,
                   .compute_major = device.major,
                   .compute_minor = device.minor,
                   .multiprocessors = device.multiProcessorCount,
                   .threads_per_block = device.maxThreadsPerBlock,
                   .threads_per_multiprocessor = device.maxThreadsPerMultiProcessor,
                   .registers_per_block = device.regsPerBlock,
                   .registers_per_multiprocessor = device.regsPerMultiprocessor,
                   .shared_bytes_per_block = device.sharedMemPerBlock,
                   .shared_bytes_per_block_optin = device.sharedMemPerBlockOptin,
                   .shared_bytes_per_multiprocessor = device.sharedMemPerMultiprocessor});
  }
  return all;
}

void GpuSession::drain() {
  if (const cudaError_t error = cudaDeviceSynchronize(); error != cudaSuccess)
    throw RunError("the GPU failed", "waiting for its work", cudaGetErrorString(error));
}

void GpuSession::begin() {
  drain();
  taken();
}

GpuRecords GpuSession::taken() {
  require(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "reading the records");
  std::vector<Buffer> filled;
  GpuRecords records;
  {
    const std::lock_guard lock(records_->mutex);
    filled.swap(records_->filled);
    records.graph_ranges = records_->graph_ranges;
  }
  for (const Buffer& buffer : filled) {
    CUpti_Activity* record = nullptr;
    while (cuptiActivityGetNextRecord(buffer.bytes, buffer.filled, &record) == CUPTI_SUCCESS)
      records_->read(record, records);
  }
  std::size_t dropped = 0;
  if (cuptiActivityGetNumDroppedRecords(nullptr, 0, &dropped) == CUPTI_SUCCESS)
    records.lost = static_cast<std::int64_t>(dropped);
  const std::lock_guard lock(records_->mutex);
  records_->ready.insert(records_->ready.end(), filled.begin(), filled.end());
  return records;
}

}  // namespace dydit::instrument
