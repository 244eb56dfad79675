// SPDX-License-Identifier: Apache-2.0
#include "trace_events.h"

#include <nlohmann/json.hpp>

namespace dydit::timeline {

namespace {

std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

}  // namespace

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void TraceEvents::head(const TraceHeader& header, std::int64_t began, std::int64_t lost, std::int64_t malformed) {
  out_.print("{{\n\"schemaVersion\": 1,\n\"deviceProperties\": [");
  for (std::size_t i = 0; i < header.devices.size(); ++i) {
    const TraceHeader::Device& device = header.devices[i];
    out_.print(R"({}{{"id": {}, "name": {}, "totalGlobalMem": {}, "computeMajor": {}, "computeMinor": {}, )"
               R"("maxThreadsPerBlock": {}, "maxThreadsPerMultiprocessor": {}, "regsPerBlock": {}, "warpSize": 32, )"
               R"("sharedMemPerBlock": {}, "numSms": {}, "regsPerMultiprocessor": {}, "sharedMemPerBlockOptin": {}, )"
               R"("sharedMemPerMultiprocessor": {}}})",
               i == 0 ? "\n" : ",\n", i, quoted(device.name), device.memory_bytes, device.compute_major,
               device.compute_minor, device.threads_per_block, device.threads_per_multiprocessor,
               device.registers_per_block, device.shared_bytes_per_block, device.multiprocessors,
               device.registers_per_multiprocessor, device.shared_bytes_per_block_optin,
               device.shared_bytes_per_multiprocessor);
  }
  out_.print("],\n\"distributedInfo\": {{\"rank\": {}, \"world_size\": {}}},\n", header.rank, header.world_size);
  out_.print("\"lostRecords\": {},\n\"malformedRecords\": {},\n\"displayTimeUnit\": \"ms\",\n", lost, malformed);
  out_.print("\"baseTimeNanoseconds\": {},\n\"traceEvents\": [\n", began);
}

void TraceEvents::metadata(const char* name, Place place, const char* key, const std::string& value) {
  out_.print(R"({{"ph": "M", "name": "{}", "ts": 0.000, "pid": {}, "tid": {}, "args": {{"{}": {}}}}},)"
             "\n",
             name, place.pid, place.tid, key, value);
}

void TraceEvents::process(std::int64_t pid, const std::string& name, const std::string& label,
                          std::int64_t sort_index) {
  metadata("process_name", {pid, 0}, "name", quoted(name));
  metadata("process_labels", {pid, 0}, "labels", quoted(label));
  metadata("process_sort_index", {pid, 0}, "sort_index", std::to_string(sort_index));
}

void TraceEvents::thread(Place place, const std::string& name, std::int64_t sort_index) {
  metadata("thread_name", place, "name", quoted(name));
  metadata("thread_sort_index", place, "sort_index", std::to_string(sort_index));
}

void TraceEvents::span(const char* category, const std::string& name, Place place, const Interval& at,
                       const std::string& args) {
  out_.print(R"({{"ph": "X", "cat": "{}", "name": {}, "pid": {}, "tid": {}, "ts": {}, "dur": {}, "args": {{{}}}}},)"
             "\n",
             category, name, place.pid, place.tid, microseconds(at.begin), microseconds(at.length()), args);
}

void TraceEvents::flow(char phase, std::uint32_t id, Place place, std::int64_t time, const char* binding) {
  out_.print(R"({{"ph": "{}", "id": {}, "pid": {}, "tid": {}, "ts": {}, "cat": "ac2g", "name": "ac2g"{}}},)"
             "\n",
             phase, id, place.pid, place.tid, microseconds(time), binding);
}

void TraceEvents::end(std::int64_t time) {
  out_.print(R"({{"ph": "i", "s": "g", "name": "Record Window End", "pid": "", "tid": "", "ts": {}}})"
             "\n]}}\n",
             microseconds(time));
  out_.finish();
}

}  // namespace dydit::timeline
