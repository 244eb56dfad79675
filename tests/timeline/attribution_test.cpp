// SPDX-License-Identifier: Apache-2.0
#include "timeline/attribution.h"

#include <algorithm>
#include <limits>

#include "catch.h"

using namespace dydit::timeline;

namespace {

// pass/block/qkv of two blocks, and pass/final.
Timeline made_up(std::int64_t end) {
  Timeline t;
  t.names = {"", "mm", "norm", "gemm", "softmax", "cudaLaunchKernel", "cudaStreamSynchronize"};
  t.ranges.nodes = {
      {}, {0, "pass", -1}, {1, "block", 0}, {2, "qkv", -1}, {1, "block", 1}, {4, "qkv", -1}, {1, "final", -1}};
  t.window = {0, end};
  return t;
}
HostSpan span(HostSpan::Kind kind, std::uint32_t name, std::uint32_t node, Interval at, std::uint32_t thread = 0) {
  return {.kind = kind, .thread = thread, .name = name, .node = node, .at = at};
}
HostSpan call(std::uint32_t name, Interval at, std::uint32_t correlation, Stall stall = Stall::none) {
  return {.kind = HostSpan::Kind::call, .name = name, .at = at, .correlation = correlation, .stall = stall};
}
DeviceSpan on_device(std::uint32_t name, std::uint32_t node, Interval at, std::uint32_t correlation,
                     std::uint64_t graph_node = 0) {
  return {.name = name, .node = node, .at = at, .correlation = correlation, .graph_node = graph_node};
}

const Attributed* row_of(const Attribution& a, const std::string& range, const std::string& kernel) {
  const auto found =
      std::ranges::find_if(a.rows, [&](const Attributed& row) { return row.range == range && row.kernel == kernel; });
  return found == a.rows.end() ? nullptr : &*found;
}
// Nanoseconds of a row; -1 where there is none.
double ns(const Attribution& a, const std::string& range, const std::string& kernel) {
  const Attributed* const row = row_of(a, range, kernel);
  return row == nullptr ? -1 : 1e9 * row->seconds;
}
void require_sum(const Attribution& a) {
  double sum = a.remainder;
  for (const Attributed& row : a.rows) sum += row.seconds;
  CHECK(sum == Approx(a.wall).margin(1e-15));
}

}  // namespace

TEST_CASE("a path is told with the numbers of its ranges and without") {
  const Timeline t = made_up(0);
  CHECK(t.ranges.path(5, true) == "pass/block 1/qkv");
  CHECK(t.ranges.path(5, false) == "pass/block/qkv");
  CHECK(t.ranges.path(0, true).empty());
  CHECK(t.ranges.path(99, true).empty());
}

TEST_CASE("on the host a moment is shared among the threads, and rows and remainder are the whole time") {
  Timeline t = made_up(1000);
  t.threads = 2;
  using enum HostSpan::Kind;
  t.host = {span(shares, 0, 0, {0, 1000}), span(range, 0, 1, {100, 900}), span(range, 0, 2, {200, 600}),
            span(range, 0, 3, {200, 500}), span(op, 1, 3, {300, 500}), span(op, 1, 1, {700, 800}),
            // The other thread helps in block 1 and then has nothing to do.
            span(range, 0, 5, {250, 450}, 1), span(kernel, 2, 5, {250, 400}, 1)};
  t.host[4].macs = 7;
  t.host[5].bytes = 5;
  const Attribution a = attribute(t);
  CHECK(a.wall == Approx(1e-6));
  CHECK(ns(a, "pass/block/qkv", "mm") == Approx(100));
  CHECK(ns(a, "pass/block/qkv", "norm") == Approx(75));
  CHECK(ns(a, "pass/block/qkv", "(host)") == Approx(50 + 25));
  CHECK(ns(a, "pass/block", "(host)") == Approx(50));
  CHECK(ns(a, "pass", "mm") == Approx(50));
  CHECK(ns(a, "pass", "(host)") == Approx(50 + 50 + 50));
  CHECK(ns(a, "pass", "(waiting)") == Approx(50 + 150));
  CHECK(ns(a, "pass/block/qkv", "(waiting)") == Approx(25 + 25));
  CHECK(1e9 * a.remainder == Approx(200));
  CHECK(row_of(a, "pass/block/qkv", "mm")->macs == 7);
  CHECK(row_of(a, "pass", "mm")->bytes == 5);
  CHECK(row_of(a, "pass/block/qkv", "mm")->calls == 1);
  require_sum(a);
}

TEST_CASE("where the threads take no shares all of a moment is thread 0's, whatever LibTorch's own do") {
  Timeline t = made_up(1000);
  t.threads = 2;
  using enum HostSpan::Kind;
  t.host = {span(range, 0, 1, {0, 1000}),     span(op, 1, 1, {100, 300}),        span(shares, 0, 1, {400, 600}),
            span(kernel, 2, 1, {400, 600}),   span(kernel, 2, 1, {400, 500}, 1), span(op, 1, 1, {550, 600}, 1),
            span(kernel, 2, 1, {700, 900}, 1)};  // beyond the shares: nobody waits for it
  const Attribution a = attribute(t);
  CHECK(ns(a, "pass", "mm") == Approx(200 + 25));
  CHECK(ns(a, "pass", "norm") == Approx(100 + 50));
  CHECK(ns(a, "pass", "(waiting)") == Approx(25));
  CHECK(ns(a, "pass", "(host)") == Approx(100 + 100 + 400));
  CHECK(a.remainder == 0);
  require_sum(a);
}

TEST_CASE("on a GPU what no kernel covers is a gap with a cause, in the range of the next kernel") {
  Timeline t = made_up(1000);
  t.host = {call(5, {50, 60}, 1), call(5, {350, 360}, 2), call(6, {310, 330}, 0, Stall::synchronisation),
            call(5, {355, 358}, 3), call(6, {700, 990}, 9, Stall::synchronisation)};
  t.device = {on_device(3, 3, {100, 300}, 1), on_device(4, 5, {400, 500}, 2), on_device(3, 6, {520, 720}, 3),
              on_device(3, 6, {720, 800}, 3)};
  t.device[0].macs = 11;
  t.device[2].launch.registers = 32;
  const Attribution a = attribute(t);
  CHECK(ns(a, "pass/block/qkv", "gemm") == Approx(200));
  CHECK(ns(a, "pass/block/qkv", "softmax") == Approx(100));
  CHECK(ns(a, "pass/final", "gemm") == Approx(280));
  CHECK(ns(a, "pass/block/qkv", "(host)") == Approx(50 + 30));
  CHECK(ns(a, "pass/block/qkv", "(launch)") == Approx(50 + 50));
  CHECK(ns(a, "pass/block/qkv", "(synchronisation)") == Approx(20));
  CHECK(ns(a, "pass/final", "(launch)") == Approx(20));
  CHECK(ns(a, "", "(synchronisation)") == Approx(190));
  CHECK(ns(a, "", "(host)") == Approx(10));
  CHECK(a.remainder == Approx(0).margin(1e-15));
  CHECK(row_of(a, "pass/block/qkv", "gemm")->macs == 11);
  CHECK(row_of(a, "pass/final", "gemm")->launch.registers == 32);
  CHECK(row_of(a, "pass/final", "gemm")->calls == 2);
  require_sum(a);
}

TEST_CASE("what runs at once shares the time, and what a graph holds has gaps of its own") {
  Timeline t = made_up(100);
  t.host = {call(5, {0, 5}, 1)};
  t.device = {on_device(3, 3, {10, 50}, 1, 7), on_device(4, 5, {30, 50}, 1, 8), on_device(4, 5, {60, 100}, 1, 9)};
  const Attribution a = attribute(t);
  CHECK(ns(a, "pass/block/qkv", "gemm") == Approx(20 + 10));
  CHECK(ns(a, "pass/block/qkv", "softmax") == Approx(10 + 40));
  CHECK(ns(a, "pass/block/qkv", "(launch)") == Approx(10));
  CHECK(ns(a, "pass/block/qkv", "(graph)") == Approx(10));
  require_sum(a);
}

TEST_CASE("what the host does in a gap is told once, the collector's own time first") {
  Timeline t = made_up(100);
  t.host = {call(6, {10, 60}, 0, Stall::synchronisation), call(5, {30, 50}, 0, Stall::memory), call(5, {80, 82}, 1)};
  t.collector = {{40, 55}, {45, 58}, {200, 100}};
  t.device = {on_device(3, 3, {90, 100}, 1)};
  const Attribution a = attribute(t);
  CHECK(ns(a, "pass/block/qkv", "(collector)") == Approx(18));
  CHECK(ns(a, "pass/block/qkv", "(memory)") == Approx(10));
  CHECK(ns(a, "pass/block/qkv", "(synchronisation)") == Approx(20 + 2));
  CHECK(ns(a, "pass/block/qkv", "(host)") == Approx(10 + 20));
  CHECK(ns(a, "pass/block/qkv", "(launch)") == Approx(10));
  CHECK(a.malformed == 1);
  require_sum(a);
}

TEST_CASE("a gap before a kernel that no call asked for is nobody's") {
  Timeline t = made_up(100);
  t.device = {on_device(3, 3, {40, 100}, 1)};
  const Attribution a = attribute(t);
  CHECK(1e9 * a.remainder == Approx(40));
  require_sum(a);
}

TEST_CASE("records that make no sense are counted and left out, and the rest still sums") {
  constexpr auto huge = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  Timeline t = made_up(1000);
  t.lost = 3;
  t.malformed = 2;
  using enum HostSpan::Kind;
  t.host = {span(range, 0, 1, {0, 1000}), span(op, 1, 1, {200, 400}),  span(op, 1, 1, {300, 500}),  // overlaps
            span(op, 1, 1, {600, 500}),   span(op, 99, 1, {600, 700}), span(op, 1, 99, {600, 700}),
            span(op, 1, 1, {0, 10}, 5),   span(op, 1, 1, {least, 5}),  span(op, 1, 1, {900, huge})};
  const Attribution a = attribute(t);
  CHECK(a.lost == 3);
  CHECK(a.malformed == 2 + 7);
  CHECK(ns(a, "pass", "mm") == Approx(200));
  require_sum(a);
  t.device = {on_device(3, 3, {900, 800}, 1),    on_device(3, 99, {0, 10}, 1),    on_device(99, 3, {0, 10}, 1),
              on_device(3, 3, {least, huge}, 1), on_device(3, 3, {500, huge}, 1), on_device(3, 3, {300, 400}, 2)};
  const Attribution b = attribute(t);
  CHECK(b.malformed == 2 + 5 + 4);
  CHECK(ns(b, "pass/block/qkv", "gemm") == Approx(600));
  require_sum(b);
}

TEST_CASE("a window that holds nothing, and one that ends before it begins") {
  CHECK(attribute(made_up(0)).rows.empty());
  Timeline t = made_up(0);
  t.window = {10, 5};
  CHECK(attribute(t).wall == 0);
  t = made_up(100);
  CHECK(1e9 * attribute(t).remainder == Approx(100));
}
