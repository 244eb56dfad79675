// SPDX-License-Identifier: Apache-2.0
#include "timeline/attribution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "segments.h"

namespace dydit::timeline {

std::string RangeTree::path(std::uint32_t node, bool with_indices) const {
  std::string path;
  for (; node != 0 && node < nodes.size(); node = parent(node)) {
    const Node& at = nodes[node];
    std::string name = at.name;
    if (with_indices && at.index >= 0) name += ' ' + std::to_string(at.index);
    path = path.empty() ? std::move(name) : std::move(name) + '/' + path;
  }
  return path;
}

namespace {

double seconds(std::int64_t nanoseconds) { return 1e-9 * static_cast<double>(nanoseconds); }

Interval within(const Interval& at, const Interval& window) {
  return {std::clamp(at.begin, window.begin, window.end), std::clamp(at.end, window.begin, window.end)};
}

// The parts of `at` that intervals in order have.
std::vector<Interval> overlaps(const Interval& at, const std::vector<Interval>& intervals) {
  std::vector<Interval> both;
  auto one = std::ranges::upper_bound(intervals, at.begin, {}, &Interval::end);
  for (; one != intervals.end() && one->begin < at.end; ++one) both.push_back(within(*one, at));
  return both;
}

// Rows by range and kernel, in the order of their first moment.
class Rows {
 public:
  Rows(const Timeline& timeline, std::vector<Attributed>& rows) : timeline_(timeline), rows_(rows) {}

  Attributed& row(std::uint32_t node, const std::string& kernel) {
    auto [path, fresh] = paths_.try_emplace(node);
    if (fresh) path->second = timeline_.ranges.path(node, /*with_indices=*/false);
    const auto [at, first] = numbers_.try_emplace({path->second, kernel}, rows_.size());
    if (first) rows_.push_back({.range = path->second, .kernel = kernel});
    return rows_[at->second];
  }

  void gap(std::uint32_t node, const char* cause, std::int64_t length) {
    if (length <= 0) return;
    Attributed& gap = row(node, cause);
    ++gap.calls;
    gap.seconds += seconds(length);
  }

 private:
  const Timeline& timeline_;
  std::vector<Attributed>& rows_;
  std::unordered_map<std::uint32_t, std::string> paths_;
  std::map<std::pair<std::string, std::string>, std::size_t> numbers_;
};

class Accounting {
 public:
  Accounting(const Timeline& timeline, Attribution& out) : t_(timeline), out_(out), rows_(timeline, out.rows) {
    for (const HostSpan& span : t_.host) {
      const bool known = span.name < t_.names.size() && span.node < t_.ranges.nodes.size() && span.thread < t_.threads;
      if (known && sound(span.at))
        host_.push_back(&span);
      else
        ++out_.malformed;
    }
    for (const DeviceSpan& span : t_.device) {
      if (span.name < t_.names.size() && span.node < t_.ranges.nodes.size() && sound(span.at))
        device_.push_back(&span);
      else
        ++out_.malformed;
    }
  }

  void run() { t_.device.empty() ? on_host() : on_device(); }

 private:
  void on_host();
  void wait(const Interval& at, const std::vector<Segment>& first, double share);
  void on_device();
  void gap(const Interval& at, const DeviceSpan* next, const DeviceSpan* last);
  void host_gap(const Interval& at, std::uint32_t node);
  bool begins_inside(const Interval& at) const { return at.begin >= t_.window.begin && at.begin < t_.window.end; }

  const Timeline& t_;
  Attribution& out_;
  Rows rows_;
  std::vector<const HostSpan*> host_;
  std::vector<const DeviceSpan*> device_;
  std::unordered_map<std::uint32_t, const HostSpan*> calls_;  // by correlation
  // Why the host does not ask, each with the time of those before it too, and all one after the other.
  std::array<std::pair<const char*, std::vector<Interval>>, 3> stalls_{
      {{"(collector)", {}}, {"(memory)", {}}, {"(synchronisation)", {}}}};
  std::unordered_map<std::ptrdiff_t, std::int64_t> longest_;  // call of a row
};

// Of a thread that has nothing to do: in the range that thread 0 is in.
void Accounting::wait(const Interval& at, const std::vector<Segment>& first, double share) {
  auto segment = std::ranges::upper_bound(first, at.begin, {}, [](const Segment& s) { return s.at.end; });
  for (; segment != first.end() && segment->at.begin < at.end; ++segment) {
    const Interval both = within(segment->at, at);
    if (segment->span == nullptr) continue;
    Attributed& row = rows_.row(segment->node(), "(waiting)");
    ++row.calls;
    row.seconds += share * seconds(both.length());
  }
}

void Accounting::on_host() {
  std::vector<std::vector<const HostSpan*>> spans(t_.threads);
  std::vector<Interval> shared;  // time in which the threads take shares
  for (const HostSpan* span : host_) {
    if (span->kind == HostSpan::Kind::shares && span->thread == 0) shared.push_back(span->at);
    if (span->kind != HostSpan::Kind::call && span->kind != HostSpan::Kind::shares) spans[span->thread].push_back(span);
  }
  shared = joined(std::move(shared));
  const double share = 1.0 / static_cast<double>(std::max(t_.threads, 1U));
  std::vector<Segment> first;
  for (std::uint32_t thread = 0; thread < t_.threads; ++thread) {
    auto segments = segments_of(std::move(spans[thread]), t_.window, out_.malformed);
    std::set<const HostSpan*> seen;
    for (const Segment& segment : segments) {
      std::int64_t in_shares = 0;
      for (const Interval& both : overlaps(segment.at, shared)) {
        in_shares += both.length();
        if (thread > 0 && segment.span == nullptr) wait(both, first, share);
      }
      const std::int64_t alone = thread == 0 ? segment.at.length() - in_shares : 0;
      if (segment.span == nullptr || alone + in_shares == 0) continue;
      const HostSpan& span = *segment.span;
      const bool range = span.kind == HostSpan::Kind::range;
      Attributed& row = rows_.row(span.node, range ? "(host)" : t_.names[span.name]);
      row.seconds += seconds(alone) + share * seconds(in_shares);
      if (range) ++row.calls;
      if (range || !begins_inside(span.at) || !seen.insert(&span).second) continue;
      ++row.calls;
      row.macs += span.macs;
      row.bytes += span.bytes;
    }
    if (thread == 0) first = std::move(segments);
  }
}

void Accounting::host_gap(const Interval& at, std::uint32_t node) {
  std::int64_t told = 0;
  for (const auto& [cause, intervals] : stalls_) {
    std::int64_t stalled = 0;
    for (const Interval& both : overlaps(at, intervals)) stalled += both.length();
    rows_.gap(node, cause, stalled - told);
    told = stalled;
  }
  rows_.gap(node, "(host)", at.length() - told);
}

void Accounting::gap(const Interval& at, const DeviceSpan* next, const DeviceSpan* last) {
  if (next == nullptr) return host_gap(at, 0);
  if (last != nullptr && next->graph_node != 0 && next->correlation == last->correlation)
    return rows_.gap(next->node, "(graph)", at.length());
  const auto call = calls_.find(next->correlation);
  if (call == calls_.end()) return;  // nobody knows what the GPU waited for
  const std::int64_t asked = std::clamp(call->second->at.begin, at.begin, at.end);
  host_gap({at.begin, asked}, next->node);
  rows_.gap(next->node, "(launch)", at.end - asked);
}

void Accounting::on_device() {
  std::ranges::stable_sort(device_, {}, [](const DeviceSpan* span) { return span->at.begin; });
  auto& [collector, memory, synchronisation] = stalls_;
  for (const Interval& at : t_.collector) {
    if (sound(at))
      collector.second.push_back(at);
    else
      ++out_.malformed;
  }
  for (const HostSpan* span : host_) {
    if (span->kind != HostSpan::Kind::call) continue;
    if (span->correlation != 0) calls_.emplace(span->correlation, span);
    if (span->stall == Stall::memory) memory.second.push_back(span->at);
    if (span->stall == Stall::synchronisation) synchronisation.second.push_back(span->at);
  }
  memory.second.insert(memory.second.end(), collector.second.begin(), collector.second.end());
  synchronisation.second.insert(synchronisation.second.end(), memory.second.begin(), memory.second.end());
  for (auto& [_, intervals] : stalls_) intervals = joined(std::move(intervals));

  std::multimap<std::int64_t, const DeviceSpan*> running;  // by their ends
  const DeviceSpan* last = nullptr;
  std::int64_t now = t_.window.begin;
  // Up to `end`, before which nothing begins.
  const auto until = [&](std::int64_t end, const DeviceSpan* next) {
    end = std::clamp(end, now, t_.window.end);
    while (now < end) {
      if (running.empty()) {
        gap({now, end}, next, last);
        now = end;
        break;
      }
      const std::int64_t step = std::min(running.begin()->first, end);
      for (const auto& [_, span] : running)
        rows_.row(span->node, t_.names[span->name]).seconds +=
            seconds(std::max<std::int64_t>(step - now, 0)) / static_cast<double>(running.size());
      now = std::max(now, step);
      while (!running.empty() && running.begin()->first <= now) {
        last = running.begin()->second;
        running.erase(running.begin());
      }
    }
  };
  for (const DeviceSpan* span : device_) {
    until(span->at.begin, span);
    if (span->at.end > now) running.emplace(span->at.end, span);
    if (!begins_inside(span->at)) continue;
    Attributed& row = rows_.row(span->node, t_.names[span->name]);
    std::int64_t& longest = longest_[&row - out_.rows.data()];
    if (row.calls++ == 0 || span->at.length() > longest) {
      longest = span->at.length();
      row.launch = span->launch;
    }
    row.macs += span->macs;
    row.bytes += moved(*span, t_.names[span->name]);
  }
  until(t_.window.end, nullptr);
}

}  // namespace

Attribution attribute(const Timeline& timeline) {
  Attribution out{.rows = {}, .lost = timeline.lost, .malformed = timeline.malformed};
  if (!sound(timeline.window)) return out;
  out.wall = seconds(timeline.window.length());
  Accounting(timeline, out).run();
  out.remainder = out.wall;
  for (const Attributed& row : out.rows) out.remainder -= row.seconds;
  constexpr double rounding = 1e-9;
  if (std::abs(out.remainder) < rounding * out.wall) out.remainder = 0;
  return out;
}

}  // namespace dydit::timeline
