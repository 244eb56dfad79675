// SPDX-License-Identifier: Apache-2.0
#include "timeline/trace.h"

#include <cxxabi.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>
#include <unordered_map>

#include "segments.h"
#include "trace_events.h"

namespace dydit::timeline {

namespace {

using Index = std::uint32_t;  // of a span of the timeline
constexpr Index none = ~Index{0};

std::string demangled(const std::string& name) {
  if (!name.starts_with("_Z")) return name;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr),
                                                    std::free);
  return text ? text.get() : name;
}

double sound(double number) { return std::isfinite(number) && number > 0 ? number : 0; }

double volume(const std::uint32_t (&sizes)[3]) { return double{1} * sizes[0] * sizes[1] * sizes[2]; }

class Writer {
 public:
  Writer(const Timeline& timeline, const TraceHeader& header, const Append& append)
      : timeline_(timeline), header_(header), out_(append), within_(timeline.host.size(), none) {
    for (const std::string& name : timeline.names) names_.push_back(quoted(demangled(name)));
    for (const auto& node : timeline.ranges.nodes)
      nodes_.push_back(quoted(node.index < 0 ? node.name : fmt::format("{} {}", node.name, node.index)));
    choose_host();
    choose_device();
  }

  void write() {
    out_.head(header_, timeline_.window.begin + header_.steady_began, timeline_.lost, timeline_.malformed + malformed_);
    write_host();
    write_collector();
    for (auto first = device_.cbegin(); first != device_.cend();) first = write_stream(first);
    out_.end(sound(timeline_.window) ? timeline_.window.length() : 0);
  }

 private:
  using Order = std::vector<Index>;
  using Place = TraceEvents::Place;
  struct Entered {  // a range, and which time it was entered
    std::uint32_t node;
    std::int64_t time;
    bool operator==(const Entered&) const = default;
  };
  struct Annotation {
    std::uint32_t node;
    std::size_t row;
    Interval at;
  };
  struct Row {  // of a stream: spans one after the other
    std::int64_t end;
    std::vector<Entered> ranges = {};           // around the last span
    std::vector<std::size_t> annotations = {};  // of these
  };

  // Behind the begin of the window, and cut off at both of its ends.
  Interval cut(const Interval& at) const {
    const auto inside = [&](std::int64_t time) {
      return std::clamp(time, timeline_.window.begin, timeline_.window.end) - timeline_.window.begin;
    };
    return {inside(at.begin), inside(at.end)};
  }

  // Counts what makes no sense.
  template <typename Span>
  bool taken(const Span& span, std::uint32_t thread) {
    const bool makes_sense =
        sound(span.at) && span.name < names_.size() && span.node < nodes_.size() && thread < timeline_.threads;
    malformed_ += !makes_sense;
    return makes_sense && sound(timeline_.window) && span.at.begin <= timeline_.window.end &&
           span.at.end >= timeline_.window.begin;
  }

  void choose_host() {
    Order order, open;
    for (Index i = 0; i < timeline_.host.size(); ++i)
      if (taken(timeline_.host[i], timeline_.host[i].thread) && timeline_.host[i].kind != HostSpan::Kind::shares)
        order.push_back(i);
    std::ranges::sort(order, {}, [&](Index i) {  // the outer one first
      const HostSpan& span = timeline_.host[i];
      return std::tuple(span.thread, cut(span.at).begin, -cut(span.at).end, span.kind, span.node, i);
    });
    for (const Index i : order) {
      const HostSpan& span = timeline_.host[i];
      const Interval at = cut(span.at);
      const auto is_over = [&](const HostSpan& other) {
        return other.thread != span.thread || cut(other.at).end <= at.begin;
      };
      while (!open.empty() && is_over(timeline_.host[open.back()])) open.pop_back();
      if (!open.empty() && cut(timeline_.host[open.back()].at).end < at.end) {
        ++malformed_;
        continue;
      }
      if (!open.empty()) within_[i] = open.back();
      open.push_back(i);
      host_.push_back(i);
      if (span.kind == HostSpan::Kind::call && span.correlation != 0) calls_.emplace(span.correlation, i);
    }
  }

  void choose_device() {
    for (Index i = 0; i < timeline_.device.size(); ++i)
      if (taken(timeline_.device[i], 0)) device_.push_back(i);
    std::ranges::sort(device_, {}, [&](Index i) {
      const DeviceSpan& span = timeline_.device[i];
      return std::tuple(span.device, span.stream, span.at.begin, span.at.end, i);
    });
    for (const Index i : device_) {
      Index& first = asked_.emplace(timeline_.device[i].correlation, i).first->second;
      if (timeline_.device[i].at.begin < timeline_.device[first].at.begin) first = i;
    }
  }

  Index call_of(const DeviceSpan& span) const {
    const auto call = calls_.find(span.correlation);
    return call == calls_.end() ? none : call->second;
  }

  // The span itself, of a call the operator or kernel around it; 0: of none.
  Index external_id(Index i) const {
    if (i == none || timeline_.host[i].kind != HostSpan::Kind::call) return i + 1;
    const auto works = [](HostSpan::Kind kind) { return kind == HostSpan::Kind::kernel || kind == HostSpan::Kind::op; };
    while (i != none && !works(timeline_.host[i].kind)) i = within_[i];
    return i + 1;
  }

  // The ranges that asked for the span, the outermost first. A graph's kernels are in ranges that were entered when it
  // was captured: each launch counts as entering them.
  std::vector<Entered> ranges_of(const DeviceSpan& span) const {
    std::vector<Entered> ranges;
    Index at = call_of(span);
    for (std::uint32_t node = span.node; node != 0; node = timeline_.ranges.parent(node)) {
      const auto is_below = [&](const HostSpan& host) {
        return host.kind != HostSpan::Kind::range || host.node > node;
      };
      while (at != none && is_below(timeline_.host[at])) at = within_[at];
      const bool found = at != none && timeline_.host[at].node == node;
      ranges.push_back({node, found ? std::int64_t{at} : -1 - std::int64_t{span.correlation}});
    }
    std::ranges::reverse(ranges);
    return ranges;
  }

  void write_host() {
    out_.process(header_.pid, header_.process, "CPU", header_.pid);
    const auto place = [&](std::uint32_t thread) {
      const auto& known = timeline_.system_threads;
      return Place{header_.pid, thread < known.size() ? std::int64_t{known[thread]} : header_.pid + thread};
    };
    for (std::uint32_t thread = 0; thread < timeline_.threads; ++thread)
      out_.thread(place(thread), fmt::format("thread {}", thread), thread);
    for (const Index i : host_) {
      const HostSpan& span = timeline_.host[i];
      const Interval at = cut(span.at);
      std::string args = external_id(i) == 0 ? "" : fmt::format("\"External id\": {}", external_id(i));
      if (span.kind == HostSpan::Kind::range) {
        out_.span("user_annotation", nodes_[span.node], place(span.thread), at, args);
      } else if (span.kind != HostSpan::Kind::call) {
        out_.span("cpu_op", names_[span.name], place(span.thread), at, args);
      } else {
        const bool runtime = timeline_.names[span.name].starts_with("cuda");  // the driver's are cuLaunchKernel
        // Readers join by it: without one there is nothing to join.
        if (span.correlation != 0)
          args += fmt::format("{}\"correlation\": {}", args.empty() ? "" : ", ", span.correlation);
        out_.span(runtime ? "cuda_runtime" : "cuda_driver", names_[span.name], place(span.thread), at, args);
        const auto call = calls_.find(span.correlation);
        if (call != calls_.end() && call->second == i && asked_.contains(span.correlation))
          out_.flow_begin(span.correlation, place(span.thread), at.begin);
      }
    }
  }

  // Beside the threads: CUPTI does not always know whose time it was.
  void write_collector() {
    std::vector<Interval> all;
    for (const Interval& at : timeline_.collector) {
      malformed_ += !sound(at);
      if (sound(at) && sound(timeline_.window)) all.push_back(cut(at));
    }
    std::erase_if(all, [](const Interval& at) { return at.length() == 0; });
    if (all.empty()) return;
    const Place place{header_.pid, 0};
    out_.thread(place, "collector", timeline_.threads);
    for (const Interval& at : joined(std::move(all))) out_.span("overhead", quoted("collector"), place, at, "");
  }

  std::string device_args(const DeviceSpan& span) const {
    const Index id = external_id(call_of(span));
    std::string args = id == 0 ? "" : fmt::format("\"External id\": {}, ", id);
    args += fmt::format(R"("device": {}, "stream": {}, "correlation": {})", span.device, span.stream, span.correlation);
    if (span.graph_node != 0) args += fmt::format(R"(, "graph node id": {})", span.graph_node);
    if (span.kind == DeviceSpan::Kind::kernel) return args + launch_args(span);
    const double bytes = sound(span.bytes);
    args += fmt::format(R"(, "bytes": {:.0f})", bytes);
    if (span.at.length() == 0) return args;
    return args + fmt::format(", \"memory bandwidth (GB/s)\": {}", bytes / static_cast<double>(span.at.length()));
  }

  std::string launch_args(const DeviceSpan& span) const {
    const DeviceSpan::Launch& launch = span.launch;
    double occupancy = std::min(sound(launch.occupancy), 1.);
    std::string args;
    if (span.device < header_.devices.size() && header_.devices[span.device].multiprocessors > 0) {
      const TraceHeader::Device& device = header_.devices[span.device];
      const double blocks = volume(launch.grid) / device.multiprocessors, threads = blocks * volume(launch.block);
      args = fmt::format(R"(, "blocks per SM": {}, "warps per SM": {})", blocks, threads / 32);
      if (device.threads_per_multiprocessor > 0)  // no more than the grid has
        occupancy = std::min(occupancy, threads / device.threads_per_multiprocessor);
    }
    const auto [x, y, z] = launch.grid;
    const auto [block_x, block_y, block_z] = launch.block;
    return args + fmt::format(R"(, "registers per thread": {}, "shared memory": {}, "grid": [{}, {}, {}], )"
                              R"("block": [{}, {}, {}], "est. achieved occupancy %": {})",
                              launch.registers, launch.shared_bytes, x, y, z, block_x, block_y, block_z,
                              std::lround(occupancy * 100));
  }

  // The first row that is free when a span begins there.
  static std::size_t row_at(std::vector<Row>& rows, const Interval& at) {
    const auto row = std::ranges::find_if(rows, [&](const Row& other) { return other.end <= at.begin; });
    const auto number = static_cast<std::size_t>(row - rows.begin());
    if (row == rows.end()) rows.push_back({at.end});
    rows[number].end = at.end;
    return number;
  }

  // Annotations of a row for a span behind its last one: ranges that both are in go on.
  void annotate(std::vector<Annotation>& annotations, Row& row, std::size_t number, const DeviceSpan& span) const {
    const std::vector<Entered> ranges = ranges_of(span);
    const Interval at = cut(span.at);
    const auto common = std::ranges::mismatch(row.ranges, ranges).in1 - row.ranges.begin();
    row.annotations.resize(static_cast<std::size_t>(common));
    for (std::size_t i = row.annotations.size(); i < ranges.size(); ++i) {
      row.annotations.push_back(annotations.size());
      annotations.push_back({ranges[i].node, number, at});
    }
    for (const std::size_t i : row.annotations) annotations[i].at.end = at.end;
    row.ranges = ranges;
  }

  // Returns where the next stream begins.
  Order::const_iterator write_stream(Order::const_iterator first) {
    const std::int64_t device = timeline_.device[*first].device, stream = timeline_.device[*first].stream;
    if (first == device_.cbegin() || timeline_.device[*(first - 1)].device != device)
      out_.process(device, header_.process, fmt::format("GPU {}", device), 5'000'000 + device);  // below the host's
    std::vector<Row> rows;
    std::vector<std::size_t> row_of;
    std::vector<Annotation> annotations;
    auto last = first;
    for (; last != device_.cend(); ++last) {
      const DeviceSpan& span = timeline_.device[*last];
      if (span.device != device || span.stream != stream) break;
      row_of.push_back(row_at(rows, span.at));
      annotate(annotations, rows[row_of.back()], row_of.back(), span);
    }
    const auto place = [&](std::size_t row) {
      return Place{device, stream + 1'000'000 * static_cast<std::int64_t>(row)};
    };
    for (std::size_t row = 0; row < rows.size(); ++row)
      out_.thread(place(row), fmt::format("stream {}", stream) + (row == 0 ? "" : fmt::format(" ({})", row + 1)),
                  stream);
    for (const Annotation& range : annotations)
      out_.span("gpu_user_annotation", nodes_[range.node], place(range.row), range.at, "");
    for (auto i = first; i != last; ++i) {
      static constexpr const char* categories[] = {"kernel", "gpu_memcpy", "gpu_memset"};
      const DeviceSpan& span = timeline_.device[*i];
      const Place at = place(row_of[static_cast<std::size_t>(i - first)]);
      out_.span(categories[static_cast<int>(span.kind)], names_[span.name], at, cut(span.at), device_args(span));
      if (asked_.at(span.correlation) == *i && call_of(span) != none)
        out_.flow_end(span.correlation, at, cut(span.at).begin);
    }
    return last;
  }

  const Timeline& timeline_;
  const TraceHeader& header_;
  TraceEvents out_;
  std::vector<std::string> names_, nodes_;          // quoted
  Order host_, device_;                             // what is written, in this order
  Order within_;                                    // of a span of the host: the one around it
  std::unordered_map<std::uint32_t, Index> calls_;  // by what they asked for
  std::unordered_map<std::uint32_t, Index> asked_;  // and the first of that on a GPU
  std::int64_t malformed_ = 0;
};

}  // namespace

void write_trace(const std::filesystem::path& path, const Timeline& timeline, const TraceHeader& header) {
  write_atomically(path, [&](const Append& append) { Writer(timeline, header, append).write(); });
}

}  // namespace dydit::timeline
