// SPDX-License-Identifier: Apache-2.0
#include "timeline/trace.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <zlib.h>

#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "catch.h"
#include "made_up_timeline.h"
#include "temporary_folder.h"
#include "test_folder.h"

using dydit::timeline::DeviceSpan;
using dydit::timeline::HostSpan;
using dydit::timeline::Timeline;
using dydit::timeline::TraceHeader;
using nlohmann::json;

namespace {

const std::string gemm = "void at::native::gemm<float>(float)";
const std::string softmax = "soft\"max\\<\nhalf,\t\xEF\xBF\xBD\xEF\xBF\xBD\x01>";  // U+FFFD for what is no UTF-8

TraceHeader header() {
  TraceHeader made;
  made.pid = 4000;
  made.process = "dydit \"profile\"";
  made.steady_began = 500;
  auto& device = made.devices.emplace_back();
  device.name = "a GPU";
  device.multiprocessors = 132;
  device.threads_per_multiprocessor = 2048;
  return made;
}

std::string unzipped(const std::filesystem::path& path) {
  const gzFile file = ::gzopen(path.c_str(), "rb");
  std::string text;
  std::vector<char> block(1 << 16);
  for (int count; (count = ::gzread(file, block.data(), static_cast<unsigned>(block.size()))) > 0;)
    text.append(block.data(), static_cast<std::size_t>(count));
  CHECK(::gzclose(file) == Z_OK);
  return text;
}

struct Written {
  dydit::test::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "trace.json.gz";
  json trace;

  explicit Written(const Timeline& timeline) {
    dydit::timeline::write_trace(path, timeline, header());
    trace = json::parse(unzipped(path));
  }
  /// Those with all of these fields.
  std::vector<json> events(const json& fields) const {
    std::vector<json> found;
    for (const json& event : trace["traceEvents"])
      if (std::ranges::all_of(fields.items(), [&](const auto& field) {
            return event.contains(field.key()) && event[field.key()] == field.value();
          }))
        found.push_back(event);
    return found;
  }
  json event(const json& fields) const {
    const auto found = events(fields);
    REQUIRE(found.size() == 1);
    return found[0];
  }
  /// The exit code of a script beside this file.
  int run(const char* script, const json& sums) const {
    const auto table = folder.path() / "sums.json";
    dydit::write_atomically(table, sums.dump());
    const auto file = dydit::test::test_folder() / "timeline" / script;
    return WEXITSTATUS(std::system(fmt::format("python3 -B '{}' '{}' '{}' > '{}/said' 2>&1", file.string(),
                                               path.string(), table.string(), folder.path().string())
                                       .c_str()));
  }
  std::string said() const { return dydit::read_file(folder.path() / "said"); }
};

json row(const std::string& name, int calls, double total_us) {
  return {{"name", name}, {"calls", calls}, {"total_us", total_us}};
}

const json sums = {row(gemm, 3, 15.001), row(softmax, 2, 2.5), row("Memcpy HtoD (Pageable -> Device)", 1, 2),
                   row("Memset (Device)", 1, .5)};

}  // namespace

TEST_CASE("a trace has the form of Kineto's, its spans nest and its flows lead from calls to what they asked for") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const int code = written.run("trace_check.py", sums);
  INFO(written.said());
  CHECK(code == 0);
  CHECK(written.trace["baseTimeNanoseconds"] == 1'000'000'500);
  CHECK(written.trace["lostRecords"] == 0);
  CHECK(written.trace["malformedRecords"] == 0);
  CHECK(written.event({{"name", "process_labels"}, {"pid", 4000}})["args"]["labels"] == "CPU");
  CHECK(written.event({{"name", "process_name"}, {"pid", 0}})["args"]["name"] == "dydit \"profile\"");
  CHECK(written.event({{"name", "Record Window End"}})["ts"] == 100.0);
}

TEST_CASE("Holistic Trace Analysis finds the sums of a trace by kernel") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const int code = written.run("trace_in_hta.py", sums);
  if (code == 77) {
    WARN(written.said());
    return;
  }
  INFO(written.said());
  CHECK(code == 0);
}

TEST_CASE("what threads of the host did") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const json op = written.event({{"cat", "cpu_op"}, {"name", "aten::mm"}});
  CHECK(op == json::parse(R"({"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 4000, "tid": 4000, "ts": 2.0,
                              "dur": 3.0, "args": {"External id": 3}})"));
  CHECK(written.event({{"cat", "cuda_runtime"}, {"tid", 4000}, {"ts", 3.0}})["args"] ==
        json({{"External id", 3}, {"correlation", 11}}));
  CHECK(written.event({{"cat", "cuda_driver"}})["args"] == json({{"correlation", 13}}));
  CHECK(written.event({{"name", "cudaDeviceSynchronize"}})["args"] == json::object());
  CHECK(written.events({{"cat", "cpu_op"}, {"name", "attention of shares"}}).size() == 2);
  CHECK(written.events({{"cat", "user_annotation"}, {"name", "block 3"}}).size() == 2);
  CHECK(written.event({{"cat", "user_annotation"}, {"name", "pass"}})["dur"] == 59.0);
}

TEST_CASE("what the collector took stands beside the threads") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const auto spans = written.events({{"cat", "overhead"}});
  REQUIRE(spans.size() == 2);
  CHECK(spans[0]["ts"] == 30.0);
  CHECK(spans[0]["dur"] == 2.0);
  CHECK(spans[1]["ts"] == 98.0);
  CHECK(spans[1]["tid"] == 0);
}

TEST_CASE("what a GPU did") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const json kernel = written.event({{"cat", "kernel"}, {"ts", 8.0}});
  CHECK(kernel["name"] == gemm);
  CHECK(kernel["dur"] == 10.001);
  // A block for each processor, of 4 warps of 64.
  CHECK(kernel["args"] ==
        json::parse(
            R"({"External id": 3, "device": 0, "stream": 7, "correlation": 11, "blocks per SM": 1, "warps per SM": 4,
                        "registers per thread": 64, "shared memory": 49152, "grid": [66, 2, 1], "block": [128, 1, 1],
                        "est. achieved occupancy %": 6})"));
  CHECK(written.event({{"cat", "gpu_memcpy"}})["args"]["bytes"] == 4096);
  CHECK(written.event({{"cat", "gpu_memcpy"}})["args"]["memory bandwidth (GB/s)"] == 2.048);
  CHECK(written.event({{"cat", "gpu_memset"}})["args"]["stream"] == 13);
  CHECK(written.event({{"cat", "kernel"}, {"ts", 24.0}})["name"] == softmax);
  CHECK(written.events({{"ph", "f"}}).size() == 4);
  CHECK(written.event({{"ph", "f"}, {"id", 13}})["ts"] == 21.0);  // the first of the graph
}

TEST_CASE("what overlaps in a stream has a row of its own") {
  const Written written(dydit::test::two_threads_and_a_gpu());
  const json beside = written.event({{"cat", "kernel"}, {"ts", 24.0}});
  CHECK(beside["tid"] == 1'000'007);
  CHECK(beside["args"]["stream"] == 7);
  CHECK(written.event({{"name", "thread_name"}, {"tid", 1'000'007}})["args"]["name"] == "stream 7 (2)");
  CHECK(written.event({{"cat", "kernel"}, {"ts", 27.0}})["tid"] == 7);
}

TEST_CASE("ranges on a GPU go from the first to the last that they asked for") {
  auto timeline = dydit::test::two_threads_and_a_gpu();
  const auto on_gpu = [](const Written& written, const char* name) {
    return written.events({{"cat", "gpu_user_annotation"}, {"name", name}, {"tid", 7}});
  };
  {
    const Written written(timeline);
    REQUIRE(on_gpu(written, "pass").size() == 1);
    CHECK(on_gpu(written, "pass")[0]["ts"] == 8.0);
    CHECK(on_gpu(written, "pass")[0]["dur"] == 20.0);
    REQUIRE(on_gpu(written, "block 3").size() == 1);
    CHECK(on_gpu(written, "block 3")[0]["dur"] == 12.001);
    REQUIRE(on_gpu(written, "block 4").size() == 1);
    CHECK(on_gpu(written, "block 4")[0]["dur"] == 7.0);
    CHECK(on_gpu(written, "attention").size() == 1);
  }
  // The same range entered twice, and a graph launched twice.
  timeline.on_host(HostSpan::Kind::range, 0, 0, 2, 30'000, 40'000);
  for (const std::uint32_t correlation : {20u, 21u}) {
    timeline.on_host(HostSpan::Kind::call, 0, 3, 2, 10'000 + correlation * 1'000, 10'100 + correlation * 1'000,
                     correlation);
    timeline.on_device(DeviceSpan::Kind::kernel, 7, 7, 2, 40'000 + correlation * 1'000, 40'100 + correlation * 1'000,
                       correlation);
  }
  timeline.on_host(HostSpan::Kind::call, 0, 5, 1, 41'000, 42'000, 22);
  timeline.on_device(DeviceSpan::Kind::kernel, 7, 7, 4, 70'000, 71'000, 22);
  timeline.on_host(HostSpan::Kind::call, 0, 5, 1, 43'000, 44'000, 23);
  timeline.on_device(DeviceSpan::Kind::kernel, 7, 7, 4, 72'000, 73'000, 23);
  const Written written(timeline);
  CHECK(on_gpu(written, "pass").size() == 1);
  REQUIRE(on_gpu(written, "block 3").size() == 2);
  CHECK(on_gpu(written, "block 3")[1]["dur"] == 1.1);
  CHECK(on_gpu(written, "attention").size() == 3);
}

TEST_CASE("a timeline of nothing is a trace") {
  const Written written(Timeline{});
  const int code = written.run("trace_check.py", json::array());
  INFO(written.said());
  CHECK(code == 0);
}

TEST_CASE("spans that make no sense are left out and counted, others cut off at the window; numbers are finite") {
  auto timeline = dydit::test::two_threads_and_a_gpu();
  timeline.malformed = 1;
  timeline.lost = 5;
  const auto kernel = DeviceSpan::Kind::kernel;
  timeline.on_device(kernel, 7, 99, 0, 30'000, 31'000, 0);        // no such name
  timeline.on_device(kernel, 7, 7, 99, 30'000, 31'000, 0);        // no such range
  timeline.on_device(kernel, 7, 7, 0, 31'000, 30'000, 0);         // ends before it begins
  timeline.on_host(HostSpan::Kind::op, 0, 1, 0, 59'000, 70'000);  // overlaps
  timeline.on_host(HostSpan::Kind::op, 5, 1, 0, 1'000, 2'000);
  timeline.threads = 2;                                    // no such thread
  timeline.on_device(kernel, 7, 7, 0, -2'000, -1'000, 0);  // outside
  timeline.on_device(kernel, 7, 7, 0, 99'000, 200'000, 0).launch.occupancy = std::numeric_limits<double>::quiet_NaN();
  timeline.on_device(DeviceSpan::Kind::copy, 7, 9, 0, -1'000, 1'000, 0).bytes =
      -std::numeric_limits<double>::infinity();
  const Written written(timeline);
  json table = sums;
  table[0] = row(gemm, 4, 16.001);
  table[2] = row("Memcpy HtoD (Pageable -> Device)", 2, 3);
  const int code = written.run("trace_check.py", table);
  INFO(written.said());
  CHECK(code == 0);
  CHECK(written.trace["malformedRecords"] == 6);
  CHECK(written.trace["lostRecords"] == 5);
  CHECK(written.event({{"cat", "gpu_memcpy"}, {"ts", 0.0}})["args"]["bytes"] == 0);
}

TEST_CASE("a hundred thousand spans are some megabytes") {
  dydit::test::MadeUpTimeline timeline;
  const auto pass = timeline.range(0, "pass");
  const auto launch = timeline.name("cudaLaunchKernel"), kernel = timeline.name(std::string(1'000, 'k'));
  timeline.window.end += 1'000'000'000;
  timeline.on_host(HostSpan::Kind::range, 0, launch, pass, 0, 1'000'000'000);
  constexpr std::uint32_t launches = 50'000;
  for (std::uint32_t i = 1; i <= launches; ++i) {
    timeline.on_host(HostSpan::Kind::call, 0, launch, pass, i * 4'000, i * 4'000 + 1'000, i);
    timeline.on_device(DeviceSpan::Kind::kernel, 7, kernel, pass, i * 4'000 + 5'000, i * 4'000 + 8'000, i);
  }
  const dydit::test::TemporaryFolder folder;
  dydit::timeline::write_trace(folder.path() / "trace.json.gz", timeline, header());
  CHECK(std::filesystem::file_size(folder.path() / "trace.json.gz") < (8 << 20));
  const std::string text = unzipped(folder.path() / "trace.json.gz");
  CHECK(std::ranges::count(text, '\n') > 4 * launches);  // spans and flows
  CHECK(text.ends_with("\n]}\n"));
}
