// SPDX-License-Identifier: Apache-2.0
// A timeline as the file that PyTorch's Kineto writes of one (Chrome's trace events in JSON, compressed by gzip), for
// Perfetto and for Holistic Trace Analysis. Source of the form: libkineto/src/output_json.cpp and CuptiActivity.h.
#pragma once

#include <filesystem>

#include "timeline/timeline.h"

namespace dydit::timeline {

/// What the file says of where a timeline is from. Fields of a device are those of cudaDeviceProp.
struct TraceHeader {
  std::int64_t pid = 0;
  std::string process;            ///< its name
  std::int64_t steady_began = 0;  ///< nanoseconds since 1970 when the steady clock showed 0
  std::int64_t rank = 0, world_size = 1;
  struct Device {
    std::string name;
    std::uint64_t memory_bytes = 0;
    int compute_major = 0, compute_minor = 0;
    int multiprocessors = 0;
    int threads_per_block = 0, threads_per_multiprocessor = 0;
    int registers_per_block = 0, registers_per_multiprocessor = 0;
    std::uint64_t shared_bytes_per_block = 0, shared_bytes_per_block_optin = 0, shared_bytes_per_multiprocessor = 0;
  };
  std::vector<Device> devices;  ///< by their index
};

/// Writes the file whole or not at all. Ranges are user_annotation, on a GPU gpu_user_annotation from the first to the
/// last span that a range asked for in a row of its stream; operators and kernels of the host are cpu_op. Spans are
/// taken, cut off at the window and left out as attribute() does; "malformedRecords" of the file counts those that made
/// no sense, "lostRecords" those lost before. What overlaps in a stream has a further row each. Throws RunError when
/// the file cannot be written.
void write_trace(const std::filesystem::path& path, const Timeline& timeline, const TraceHeader& header);

}  // namespace dydit::timeline
