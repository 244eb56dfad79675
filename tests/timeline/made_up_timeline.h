// SPDX-License-Identifier: Apache-2.0
// A timeline of two host threads and a GPU: launches, a copy, a graph's kernels, overlap in a stream.
#pragma once

#include <string_view>

#include "timeline/timeline.h"

namespace dydit::test {

struct MadeUpTimeline : timeline::Timeline {
  using Host = timeline::HostSpan;
  using Device = timeline::DeviceSpan;
  static constexpr std::int64_t begin = 1'000'000'000;

  /// A range of the tree.
  std::uint32_t range(std::uint32_t parent, const char* name, std::int64_t index = -1) {
    ranges.nodes.push_back({.parent = parent, .name = name, .index = index});
    return static_cast<std::uint32_t>(ranges.nodes.size() - 1);
  }
  std::uint32_t name(std::string_view text) {
    names.emplace_back(text);
    return static_cast<std::uint32_t>(names.size() - 1);
  }
  /// Times in nanoseconds behind the begin of the window.
  Host& on_host(Host::Kind kind, std::uint32_t thread, std::uint32_t named, std::uint32_t node, std::int64_t from,
                std::int64_t to, std::uint32_t correlation = 0) {
    host.push_back({.kind = kind,
                    .thread = thread,
                    .name = named,
                    .node = node,
                    .at = {begin + from, begin + to},
                    .correlation = correlation});
    threads = std::max(threads, thread + 1);
    return host.back();
  }
  Device& on_device(Device::Kind kind, std::uint32_t stream, std::uint32_t named, std::uint32_t node, std::int64_t from,
                    std::int64_t to, std::uint32_t correlation) {
    device.push_back({.kind = kind,
                      .stream = stream,
                      .name = named,
                      .node = node,
                      .at = {begin + from, begin + to},
                      .correlation = correlation});
    return device.back();
  }

  MadeUpTimeline() { window = {begin, begin + 100'000}; }
};

/// pass/block 3 with a launch and a copy, pass/block 4 with a graph; a kernel of our own on each thread.
inline MadeUpTimeline two_threads_and_a_gpu() {
  using Host = timeline::HostSpan::Kind;
  using Device = timeline::DeviceSpan::Kind;
  MadeUpTimeline made;
  const auto pass = made.range(0, "pass"), third = made.range(pass, "block", 3), fourth = made.range(pass, "block", 4),
             attention = made.range(fourth, "attention");
  const auto none = made.name("range"), op = made.name("aten::mm"), own = made.name("attention of shares"),
             launch = made.name("cudaLaunchKernel"), copy = made.name("cudaMemcpyAsync"),
             graph = made.name("cuGraphLaunch"), wait = made.name("cudaDeviceSynchronize"),
             gemm = made.name("_ZN2at6native4gemmIfEEvT_"), softmax = made.name("soft\"max\\<\nhalf,\t\xff\x80\x01>"),
             to_gpu = made.name("Memcpy HtoD (Pageable -> Device)"), zero = made.name("Memset (Device)");
  // In no order, as collectors may tell of them.
  made.on_host(Host::call, 0, launch, third, 3'000, 4'500, 11);
  made.on_host(Host::call, 0, copy, third, 6'000, 7'001, 12);
  made.on_host(Host::op, 0, op, third, 2'000, 5'000);
  made.on_host(Host::range, 0, none, pass, 1'000, 60'000);
  made.on_host(Host::range, 0, none, third, 1'000, 9'000);
  made.on_host(Host::range, 0, none, fourth, 10'000, 20'000);
  made.on_host(Host::kernel, 0, own, fourth, 10'000, 11'000);
  made.on_host(Host::call, 0, graph, fourth, 12'000, 14'000, 13);
  made.on_host(Host::call, 0, wait, 0, 60'000, 99'000).stall = timeline::Stall::synchronisation;
  made.on_host(Host::range, 1, none, third, 1'500, 8'000);
  made.on_host(Host::kernel, 1, own, third, 1'500, 8'000);
  made.on_host(Host::call, 1, launch, 0, 9'000, 9'500, 14);

  auto& first = made.on_device(Device::kernel, 7, gemm, third, 8'000, 18'001, 11);
  first.launch = {.grid = {66, 2, 1}, .block = {128, 1, 1}, .registers = 64, .shared_bytes = 49'152, .occupancy = .375};
  made.on_device(Device::copy, 7, to_gpu, third, 18'001, 20'001, 12).bytes = 4'096;
  made.on_device(Device::kernel, 7, gemm, attention, 21'000, 25'000, 13).graph_node = 1;
  made.on_device(Device::kernel, 7, softmax, attention, 24'000, 26'500, 13).graph_node = 2;  // beside the one before
  made.on_device(Device::kernel, 7, gemm, fourth, 27'000, 28'000, 13).graph_node = 3;
  made.on_device(Device::set, 13, zero, 0, 11'000, 11'500, 14).bytes = 64;
  made.on_device(Device::kernel, 13, softmax, 0, 12'000, 12'000, 15);  // nobody knows who asked for it
  for (const timeline::Interval at : {timeline::Interval{30'000, 31'000}, {30'500, 32'000}, {98'000, 400'000}})
    made.collector.push_back({made.begin + at.begin, made.begin + at.end});
  return made;
}

}  // namespace dydit::test
