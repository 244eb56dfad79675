// SPDX-License-Identifier: Apache-2.0
#include "timeline/gpu_records.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "segments.h"

namespace dydit::timeline {

namespace {

class Joining {
 public:
  Joining(const GpuRecords& records, Timeline& timeline) : records_(records), t_(timeline) {
    for (std::size_t i = 0; i < t_.names.size(); ++i) names_.emplace(t_.names[i], static_cast<std::uint32_t>(i));
    for (std::size_t i = 0; i < t_.system_threads.size(); ++i)
      threads_.emplace(t_.system_threads[i], static_cast<std::uint32_t>(i));
    for (std::size_t i = 1; i < t_.ranges.nodes.size(); ++i) {
      const RangeTree::Node& one = t_.ranges.nodes[i];
      children_.emplace(std::tuple(one.parent, one.name, one.index), static_cast<std::uint32_t>(i));
    }
    spans_of_threads();
  }

  void run() {
    t_.lost += records_.lost;
    t_.collector.insert(t_.collector.end(), records_.collector.begin(), records_.collector.end());
    t_.malformed += records_.malformed;
    const std::size_t spans = t_.host.size();
    t_.host.reserve(spans + records_.calls.size());
    for (const GpuRecords::Call& call : records_.calls) add(call);
    t_.device.reserve(t_.device.size() + records_.work.size());
    for (const GpuRecords::Work& work : records_.work) add(work);
    for (const auto& [_, done] : done_) {
      if (done.longest == none) continue;
      t_.device[done.longest].macs = done.work.macs;
      t_.device[done.longest].bytes = std::max(0.0, done.work.bytes - done.copied);
    }
  }

 private:
  // Ranges and operators alone: of calls it is asked which of these they are in.
  void spans_of_threads() {
    spans_ = t_.host;  // what is added below moves the originals
    std::vector<std::vector<const HostSpan*>> ranges(t_.threads), operators(t_.threads);
    for (const HostSpan& span : spans_) {
      if (span.thread >= t_.threads || !sound(span.at)) continue;  // attribution counts it
      if (span.kind == HostSpan::Kind::range) ranges[span.thread].push_back(&span);
      if (span.kind == HostSpan::Kind::op) operators[span.thread].push_back(&span);
    }
    std::int64_t counted_later = 0;
    for (std::uint32_t thread = 0; thread < t_.threads; ++thread) {
      ranges_.push_back(segments_of(std::move(ranges[thread]), t_.window, counted_later));
      operators_.push_back(segments_of(std::move(operators[thread]), t_.window, counted_later));
    }
  }

  std::uint32_t name(const std::string& text) {
    const auto [found, fresh] = names_.try_emplace(text, static_cast<std::uint32_t>(t_.names.size()));
    if (fresh) t_.names.push_back(text);
    return found->second;
  }

  std::uint32_t thread(std::uint32_t system_thread) {
    const auto [found, fresh] = threads_.try_emplace(system_thread, t_.threads);
    if (fresh) {
      ++t_.threads;
      t_.system_threads.resize(t_.threads);
      t_.system_threads.back() = system_thread;
    }
    return found->second;
  }

  // In this timeline's tree.
  std::uint32_t node(const std::vector<RangeObserver::Step>& path) {
    std::uint32_t at = 0;
    for (const auto& [name, index] : path) {
      auto& nodes = t_.ranges.nodes;
      const auto known = children_.find({at, name, index});
      if (known != children_.end()) {
        at = known->second;
        continue;
      }
      nodes.push_back({.parent = at, .name = name, .index = index});
      at = children_[{at, name, index}] = static_cast<std::uint32_t>(nodes.size() - 1);
    }
    return at;
  }

  const HostSpan* in(const std::vector<std::vector<Segment>>& of, std::uint32_t thread, std::int64_t time) const {
    const Segment* const segment = thread < of.size() ? segment_at(of[thread], time) : nullptr;
    return segment == nullptr ? nullptr : segment->span;
  }

  void add(const GpuRecords::Call& call) {
    const std::uint32_t number = thread(call.system_thread);
    const HostSpan* const range = in(ranges_, number, call.at.begin);
    t_.host.push_back({.kind = HostSpan::Kind::call,
                       .thread = number,
                       .name = name(call.name),
                       .node = range == nullptr ? 0 : range->node,
                       .at = call.at,
                       .correlation = call.correlation,
                       .stall = call.stall});
    if (call.correlation == 0) return;
    const HostSpan* const op = in(operators_, number, call.at.begin);
    const bool range_knows = op == nullptr && range != nullptr && (range->macs > 0 || range->bytes > 0);
    asked_.try_emplace(call.correlation, Asked{t_.host.back().node, range_knows ? range : op});
  }

  void add(const GpuRecords::Work& work) {
    DeviceSpan span{.kind = work.kind,
                    .device = work.device,
                    .stream = work.stream,
                    .name = name(work.name),
                    .at = work.at,
                    .correlation = work.correlation,
                    .graph_node = work.graph_node,
                    .bytes = work.bytes,
                    .launch = work.launch};
    Asker asker{};
    RangeObserver::Work known;
    if (const auto asked = asked_.find(work.correlation); asked != asked_.end()) {
      span.node = asked->second.node;
      if (const HostSpan* const by = asked->second.by; by != nullptr) {
        asker = {by, 0, 0};
        known = {by->macs, by->bytes};
      }
    }
    if (const auto captured = records_.graph_ranges.find(work.graph_node);
        work.graph_node != 0 && captured != records_.graph_ranges.end()) {
      span.node = node(captured->second.path);
      asker = {nullptr, work.correlation, span.node};
      known = captured->second.work;
    }
    t_.device.push_back(span);
    if (asker == Asker{} || !sound(work.at)) return;
    Done& done = done_.try_emplace(asker, Done{known}).first->second;
    const HostSpan* const by = std::get<0>(asker);
    if (work.kind != DeviceSpan::Kind::kernel)
      done.copied += by != nullptr && by->kind == HostSpan::Kind::op ? moved(span, work.name) : 0;
    else if (done.longest == none || t_.device[done.longest].at.length() < span.at.length())
      done.longest = t_.device.size() - 1;
  }

  struct Asked {
    std::uint32_t node;
    const HostSpan* by;  // an operator, or a range that knows its work; or null
  };
  // Who asked for some of the work: that span, or a range in a replay of the graph that captured it.
  using Asker = std::tuple<const HostSpan*, std::uint32_t, std::uint32_t>;
  static constexpr std::size_t none = ~std::size_t{0};
  struct Done {
    RangeObserver::Work work;
    std::size_t longest = none;  // of its kernels
    double copied = 0;           // bytes that have spans of their own
  };
  const GpuRecords& records_;
  Timeline& t_;
  std::vector<HostSpan> spans_;
  std::vector<std::vector<Segment>> ranges_, operators_;  // of each thread
  std::unordered_map<std::string, std::uint32_t> names_;
  std::map<std::tuple<std::uint32_t, std::string, std::int64_t>, std::uint32_t> children_;
  std::unordered_map<std::uint32_t, std::uint32_t> threads_;
  std::unordered_map<std::uint32_t, Asked> asked_;  // by correlation
  std::map<Asker, Done> done_;
};

}  // namespace

void join(const GpuRecords& records, Timeline& timeline) { Joining(records, timeline).run(); }

}  // namespace dydit::timeline
