// SPDX-License-Identifier: Apache-2.0
// Which part of the work asked for what a GPU did, by made-up records.
#include "timeline/gpu_records.h"

#include "catch.h"
#include "timeline/attribution.h"

using namespace dydit::timeline;

namespace {

// pass/qkv from 100 to 200 and pass/fc1 from 200 to 300, on thread 7 of the system, with an operator in each.
Timeline host() {
  using enum HostSpan::Kind;
  Timeline t{.names = {"", "linear", "gelu"}};
  t.ranges.nodes = {{}, {0, "pass", -1}, {1, "qkv", -1}, {1, "fc1", -1}};
  t.window = {0, 1000};
  t.system_threads = {7};
  t.host = {{.kind = range, .node = 1, .at = {50, 400}},
            {.kind = range, .node = 2, .at = {100, 200}},
            {.kind = op, .name = 1, .node = 2, .at = {110, 190}, .macs = 64, .bytes = 16},
            {.kind = range, .node = 3, .at = {200, 300}},
            {.kind = op, .name = 2, .node = 3, .at = {210, 290}, .bytes = 8}};
  return t;
}
GpuRecords::Call call(std::int64_t at, std::uint32_t correlation, std::uint32_t thread = 7) {
  return {.name = "cudaLaunchKernel", .system_thread = thread, .at = {at, at + 5}, .correlation = correlation};
}
GpuRecords::Work work(const char* name, Interval at, std::uint32_t correlation, std::uint64_t graph_node = 0) {
  return {.name = name, .at = at, .correlation = correlation, .graph_node = graph_node};
}
std::string path(const Timeline& t, std::size_t device) { return t.ranges.path(t.device.at(device).node, true); }

}  // namespace

TEST_CASE("what a GPU does is in the range in which its call began, and its operator's work is the longest kernel's") {
  Timeline t = host();
  join({.calls = {call(120, 1), call(150, 2), call(220, 3), call(350, 4), call(450, 5)},
        .work = {work("splits", {500, 510}, 1), work("gemm", {510, 590}, 2), work("gelu", {600, 640}, 3),
                 work("copy", {650, 660}, 4), work("late", {700, 710}, 5), work("nobody's", {720, 730}, 99)},
        .graph_ranges = {},
        .lost = 2,
        .malformed = 1},
       t);
  CHECK(t.device.size() == 6);
  CHECK(path(t, 0) == "pass/qkv");
  CHECK(path(t, 1) == "pass/qkv");
  CHECK(path(t, 2) == "pass/fc1");
  CHECK(path(t, 3) == "pass");
  CHECK(path(t, 4).empty());
  CHECK(path(t, 5).empty());
  CHECK(t.device[0].macs == 0);
  CHECK(t.device[1].macs == 64);
  CHECK(t.device[1].bytes == 16);
  CHECK(t.device[2].bytes == 8);
  CHECK(t.lost == 2);
  CHECK(t.malformed == 1);
  CHECK(t.names[t.device[1].name] == "gemm");
  CHECK(t.host.back().kind == HostSpan::Kind::call);
}

TEST_CASE("what an operator's copy moves is the copy's, and not its kernel's again") {
  Timeline t = host();
  GpuRecords::Work copy = work("Memcpy DtoD (Device -> Device)", {600, 610}, 2);
  copy.kind = DeviceSpan::Kind::copy;
  copy.bytes = 6;  // read and written
  join({.calls = {call(120, 1), call(150, 2)}, .work = {work("gemm", {510, 590}, 1), copy}}, t);
  CHECK(t.device[0].bytes == 16 - 2 * 6);
  CHECK(t.device[1].bytes == 6);
}

TEST_CASE("a call of a thread that nobody collects is on a thread of its own, in no range") {
  Timeline t = host();
  join({.calls = {call(120, 1, 8)}, .work = {work("gemm", {500, 510}, 1)}, .graph_ranges = {}}, t);
  CHECK(t.threads == 2);
  CHECK(t.system_threads == std::vector<std::uint32_t>{7, 8});
  CHECK(t.host.back().thread == 1);
  CHECK(path(t, 0).empty());
}

TEST_CASE("a node of a graph is in the range that captured it, whatever replays it") {
  Timeline t = host();
  GpuRecords records{
      .calls = {call(350, 1)},
      .work = {work("gemm", {500, 510}, 1, 11), work("gelu", {510, 520}, 1, 12), work("unknown", {520, 530}, 1, 13)},
      .graph_ranges = {}};
  records.graph_ranges[11] = {.path = {{"pass", -1}, {"qkv", -1}}};
  records.graph_ranges[12] = {.path = {{"capture", -1}, {"block", 3}}};
  join(records, t);
  CHECK(path(t, 0) == "pass/qkv");
  CHECK(t.device[0].node == 2);
  CHECK(path(t, 1) == "capture/block 3");
  CHECK(path(t, 2) == "pass");  // where the graph was launched
  CHECK(attribute(t).malformed == 0);
}

TEST_CASE("of a range that knows its work the longest kernel has it, once in each replay of a graph") {
  Timeline t = host();
  GpuRecords records{
      .calls = {call(320, 1), call(350, 2)},
      .work = {work("begins", {500, 505}, 1, 11), work("gemm", {505, 560}, 1, 12), work("norm", {560, 570}, 1, 13),
               work("begins", {600, 605}, 2, 11), work("gemm", {605, 660}, 2, 12), work("norm", {660, 670}, 2, 13)}};
  GpuRecords::Work set = work("Memset", {570, 575}, 1, 14);
  set.kind = DeviceSpan::Kind::set;
  set.bytes = 10;
  records.work.push_back(set);
  const GpuRecords::Captured qkv{.path = {{"pass", -1}, {"qkv", -1}}, .work = {64, 40}};
  for (const std::uint64_t node : {11, 12, 14}) records.graph_ranges[node] = qkv;
  records.graph_ranges[13] = {.path = {{"pass", -1}, {"fc1", -1}}};
  join(records, t);
  REQUIRE(t.device.size() == 7);
  for (const std::size_t gemm : {1, 4}) CHECK(t.device[gemm].macs == 64);
  for (const std::size_t gemm : {1, 4}) CHECK(t.device[gemm].bytes == 40);
  for (const std::size_t other : {0, 2, 3, 5}) CHECK((t.device[other].macs == 0 && t.device[other].bytes == 0));
  CHECK(t.device[6].bytes == 10);
}

TEST_CASE("a range that knows its work is asked where no operator is") {
  Timeline t = host();
  t.host[1].macs = 7;  // qkv
  t.host[3].macs = 9;  // fc1
  join({.calls = {call(105, 1), call(120, 2), call(205, 3)},
        .work = {work("ours", {500, 510}, 1), work("gemm", {510, 590}, 2), work("ours", {600, 640}, 3)}},
       t);
  CHECK(t.device[0].macs == 7);
  CHECK(t.device[1].macs == 64);
  CHECK(t.device[2].macs == 9);
  CHECK(attribute(t).malformed == 0);
}
