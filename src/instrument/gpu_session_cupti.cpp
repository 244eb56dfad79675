// SPDX-License-Identifier: Apache-2.0
// A session of CUPTI: its buffers, and its callbacks for calls and for the nodes of graphs.
#include <cuda_runtime_api.h>
#include <cupti.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "base/error.h"
#include "base/range.h"
#include "cupti_calls.h"
#include "cupti_records.h"
#include "instrument/gpu_session.h"
#include "instrument/timer.h"

namespace dydit::instrument {

using timeline::GpuRecords;

namespace {

constexpr std::size_t buffer_bytes = std::size_t{8} << 20;
constexpr std::size_t buffers_ready = 8;  // allocated before anything is timed
constexpr CUpti_ActivityKind kinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY,
                                        CUPTI_ACTIVITY_KIND_MEMSET, CUPTI_ACTIVITY_KIND_OVERHEAD};

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

}  // namespace

struct GpuSession::Records {
  CUpti_SubscriberHandle subscriber = nullptr;
  std::vector<Buffer> ready, filled;
  std::map<std::uint64_t, GpuRecords::Captured> graph_ranges;
  Calls calls;
  RecordReader reader;
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
  static void CUPTIAPI called(void* self, CUpti_CallbackDomain domain, CUpti_CallbackId what,
                              const void* data) noexcept;

  void on_graph(CUpti_CallbackId what, const CUpti_GraphData& graph);
  void listen(bool on);
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

void CUPTIAPI GpuSession::Records::called(void* self, CUpti_CallbackDomain domain, CUpti_CallbackId what,
                                          const void* data) noexcept {
  auto& records = *static_cast<Records*>(self);
  if (domain == CUPTI_CB_DOMAIN_RESOURCE)
    records.on_graph(
        what, *static_cast<const CUpti_GraphData*>(static_cast<const CUpti_ResourceData*>(data)->resourceDescriptor));
  else
    records.calls.told(domain, *static_cast<const CUpti_CallbackData*>(data));
}

// A node belongs to the range that captures it; the executable graph has a copy.
void GpuSession::Records::on_graph(CUpti_CallbackId what, const CUpti_GraphData& graph) {
  std::uint64_t node = 0, original = 0;
  if (cuptiGetGraphNodeId(graph.node, &node) != CUPTI_SUCCESS) return;
  if (what == CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED) {
    const Observed here = Observed::here();
    if (here.observer == nullptr) return;
    GpuRecords::Captured captured{.path = here.observer->path(here.node), .work = here.observer->work()};
    if (captured.path.empty()) return;  // it is in the range that launches it
    const std::lock_guard lock(mutex);
    graph_ranges[node] = std::move(captured);
  } else if (cuptiGetGraphNodeId(graph.originalNode, &original) == CUPTI_SUCCESS) {
    const std::lock_guard lock(mutex);
    if (const auto found = graph_ranges.find(original); found != graph_ranges.end()) graph_ranges[node] = found->second;
  }
}

// What is not listened to costs next to nothing.
void GpuSession::Records::listen(bool on) {
  for (const CUpti_ActivityKind kind : kinds)
    require(on ? cuptiActivityEnable(kind) : cuptiActivityDisable(kind), "records");
  Calls::listen(subscriber, on);
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
    require(cuptiSubscribe(&records_->subscriber, &Records::called, records_.get()), "subscribing");
    require(cuptiActivityRegisterTimestampCallback([] { return static_cast<std::uint64_t>(steady_nanoseconds()); }),
            "the clock");
    require(cuptiActivityRegisterCallbacks(&Records::request, &Records::complete), "buffers");
    for (const CUpti_CallbackId what : {CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED})
      require(cuptiEnableCallback(1, records_->subscriber, CUPTI_CB_DOMAIN_RESOURCE, what), "nodes of graphs");
    records_->listen(true);  // who may not be told now
    records_->listen(false);
  } catch (...) {
    if (records_->subscriber != nullptr) cuptiUnsubscribe(records_->subscriber);
    Records::at_work = nullptr;
    Records::was_at_work = false;
    throw;
  }
}

GpuSession::~GpuSession() {
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
  taken();  // of work that did not come to its end
  records_->listen(true);
}

GpuRecords GpuSession::taken() {
  require(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "reading the records");
  records_->listen(false);
  std::vector<Buffer> filled;
  GpuRecords records{.calls = records_->calls.taken()};
  {
    const std::lock_guard lock(records_->mutex);
    filled.swap(records_->filled);
    records.graph_ranges = records_->graph_ranges;
  }
  for (const Buffer& buffer : filled) {
    CUpti_Activity* record = nullptr;
    while (cuptiActivityGetNextRecord(buffer.bytes, buffer.filled, &record) == CUPTI_SUCCESS)
      records_->reader.read(record, records);
  }
  std::size_t dropped = 0;
  if (cuptiActivityGetNumDroppedRecords(nullptr, 0, &dropped) == CUPTI_SUCCESS)
    records.lost = static_cast<std::int64_t>(dropped);
  const std::lock_guard lock(records_->mutex);
  records_->ready.insert(records_->ready.end(), filled.begin(), filled.end());
  return records;
}

}  // namespace dydit::instrument
