// SPDX-License-Identifier: Apache-2.0
// What collectors saw, as bytes: spans of the host and records of a GPU, of any threads, ranges and times.
#include <cmath>
#include <cstring>

#include "fuzz.h"
#include "timeline/attribution.h"
#include "timeline/gpu_records.h"
#include "timeline/trace.h"

namespace {

using namespace dydit::timeline;

// The next bytes as a number; zeros behind the end.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  template <typename T>
  T next() {
    T value{};
    const std::size_t count = std::min(sizeof(T), left_.size());
    std::memcpy(&value, left_.data(), count);
    left_.remove_prefix(count);
    return value;
  }
  // Mostly small ones, so that spans meet; else any.
  std::int64_t time() {
    const auto byte = next<std::uint8_t>();
    return byte < 250 ? 4 * byte : next<std::int64_t>();
  }
  std::uint32_t number() {
    const auto byte = next<std::uint8_t>();
    return byte < 250 ? byte % 8 : next<std::uint32_t>();
  }
  std::string name() {
    const std::size_t length = std::min<std::size_t>(next<std::uint8_t>() % 8, left_.size());
    const std::string text(left_.substr(0, length));
    left_.remove_prefix(length);
    return text;
  }

 private:
  std::string_view left_;
};

void read(std::string_view input) {
  Bytes bytes(input);
  Timeline timeline{.names = {"", "mm", "add", bytes.name()}};
  timeline.ranges.nodes.push_back({.parent = 0, .name = "pass"});
  timeline.ranges.nodes.push_back({.parent = bytes.number(), .name = bytes.name(), .index = bytes.time()});
  timeline.window = {bytes.time(), bytes.time()};
  timeline.threads = 1 + bytes.next<std::uint8_t>() % 3;
  timeline.system_threads = {bytes.number(), bytes.number()};
  GpuRecords records;
  while (!bytes.empty()) {
    const auto kind = bytes.next<std::uint8_t>();
    const Interval at{bytes.time(), bytes.time()};
    switch (kind % 4) {
      case 0:
        timeline.host.push_back({.kind = static_cast<HostSpan::Kind>(kind / 4 % 5),
                                 .thread = bytes.number(),
                                 .name = bytes.number(),
                                 .node = bytes.number(),
                                 .at = at,
                                 .correlation = bytes.number(),
                                 .stall = static_cast<Stall>(kind % 3),
                                 .macs = 1,
                                 .bytes = 1});
        break;
      case 1:
        records.calls.push_back({.name = bytes.name(),
                                 .system_thread = bytes.number(),
                                 .at = at,
                                 .correlation = bytes.number(),
                                 .stall = static_cast<Stall>(kind % 3)});
        break;
      case 2:
        records.work.push_back({.kind = static_cast<DeviceSpan::Kind>(kind / 4 % 3),
                                .name = bytes.name(),
                                .device = bytes.number(),
                                .stream = bytes.number(),
                                .at = at,
                                .correlation = bytes.number(),
                                .graph_node = bytes.number()});
        break;
      default:
        records.collector.push_back(at);
        records.graph_ranges[bytes.number()] = {.path = {{bytes.name(), bytes.time()}}, .work = {1, 1}};
    }
  }
  join(records, timeline);
  const Attribution found = attribute(timeline);
  double sum = found.remainder;
  for (const Attributed& row : found.rows) sum += row.seconds;
  if (!(std::abs(sum - found.wall) <= 1e-9 * std::max(1.0, found.wall))) __builtin_trap();
  write_trace(dydit::fuzz::folder() / "trace.json.gz", timeline, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  dydit::fuzz::expect_error_or_success([&] { read(input); });
  return 0;
}
