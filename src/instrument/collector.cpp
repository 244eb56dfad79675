// SPDX-License-Identifier: Apache-2.0
#include "instrument/collector.h"

#include <ATen/record_function.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/range.h"
#include "instrument/timer.h"
#include "timeline/gpu_records.h"

namespace dydit::instrument {

namespace {

using timeline::HostSpan;
using timeline::Interval;
using timeline::RangeTree;
using timeline::Timeline;
using torch::Tensor;

double numbers(at::IntArrayRef sizes) {
  double product = 1;
  for (const std::int64_t size : sizes) product *= static_cast<double>(size);
  return product;
}

// Those that are in memory: a dimension that is expanded has one.
double bytes_of(const Tensor& tensor) {
  double count = static_cast<double>(tensor.element_size());
  const bool strided = tensor.layout() == torch::kStrided && !tensor.is_mkldnn();
  for (std::int64_t i = 0; i < tensor.dim(); ++i)
    if (!strided || tensor.stride(i) != 0) count *= static_cast<double>(tensor.size(i));
  return tensor.numel() == 0 ? 0 : count;
}

// Multiply-accumulates of an operator by its inputs' shapes; 0 of those that multiply no matrices.
double macs_of(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  // The places of the two matrices among the inputs, and what is made of them.
  struct Product {
    std::string_view name;
    std::size_t a, b;
    bool transposed;  // b is (out, in)
  };
  static constexpr std::array<Product, 8> products{{{"aten::mm", 0, 1, false},
                                                    {"aten::bmm", 0, 1, false},
                                                    {"aten::matmul", 0, 1, false},
                                                    {"aten::addmm", 1, 2, false},
                                                    {"aten::_addmm_activation", 1, 2, false},
                                                    {"aten::baddbmm", 1, 2, false},
                                                    {"aten::linear", 0, 1, true},
                                                    {"mkldnn::_linear_pointwise", 0, 1, true}}};
  const auto sizes = [&](std::size_t i) {
    return i < inputs.size() && inputs[i].isTensor() && inputs[i].toTensor().defined() ? inputs[i].toTensor().sizes()
                                                                                       : at::IntArrayRef();
  };
  if (name == "aten::scaled_dot_product_attention") {
    const auto q = sizes(0), k = sizes(1);
    return q.size() < 2 || k.size() < 2 ? 0 : 2 * numbers(q) * static_cast<double>(k[k.size() - 2]);
  }
  for (const Product& product : products) {
    if (name != product.name) continue;
    const auto a = sizes(product.a), b = sizes(product.b);
    if (a.empty() || b.empty()) return 0;
    return numbers(a) * static_cast<double>(product.transposed ? b.front() : b.back());
  }
  return 0;
}

// In-place operators that write what they are given first without reading it.
bool overwrites(std::string_view name) {
  return name == "aten::copy_" || name == "aten::fill_" || name == "aten::zero_";
}

// Operators that read of their first input what they give alone.
bool picks(std::string_view name) {
  return name == "aten::index_select" || name == "aten::index" || name == "aten::gather" || name == "aten::embedding";
}

class Collector final : public RangeObserver {
 public:
  explicit Collector(const Collecting& what) : what_(what) {
    of_thread();  // the calling one is thread 0
  }

  Node begin(Node within, const RangeInfo& range) noexcept override {
    Thread& thread = of_thread();
    const bool named = !range.kernel && !range.shares;
    const Node node = named ? thread.node(*this, within, range) : within;
    thread.open(*this, {.kind = range.kernel   ? HostSpan::Kind::kernel
                                : range.shares ? HostSpan::Kind::shares
                                               : HostSpan::Kind::range,
                        .name = range.kernel ? thread.name(*this, range.name) : 0,
                        .node = node,
                        .macs = range.macs,
                        .bytes = range.bytes});
    return node;
  }

  void end(Node) noexcept override { of_thread().close(); }

  Work work() noexcept override {
    const Thread& thread = of_thread();
    for (auto place = thread.opened.rbegin(); place != thread.opened.rend() && *place != Thread::none; ++place)
      if (const HostSpan& span = thread.spans[*place]; span.kind == HostSpan::Kind::range)
        return {span.macs, span.bytes};
    return {};
  }

  std::vector<Step> path(Node node) const override {
    const std::lock_guard lock(mutex_);
    std::vector<Step> steps;
    for (; node != 0; node = ranges_.nodes[node].parent)
      steps.insert(steps.begin(), {ranges_.nodes[node].name, ranges_.nodes[node].index});
    return steps;
  }

  void begin(const at::RecordFunction& op) {
    Thread& thread = of_thread();
    if (thread.depth++ > 0) return;
    HostSpan span{.kind = HostSpan::Kind::op, .name = thread.name(*this, op.name()), .node = Observed::here().node};
    thread.taken.clear();
    if (what_.work) {
      span.macs = macs_of(op.name(), op.inputs());
      const std::string_view name = op.name();
      const bool skip_first = overwrites(name) || picks(name);
      bool first = true;
      each_tensor(op.inputs(), [&](const Tensor& tensor) {
        if (!std::exchange(first, false) || !skip_first) span.bytes += bytes_of(tensor);
        if (tensor.has_storage()) thread.taken.push_back(tensor.storage().unsafeGetStorageImpl());
      });
    }
    thread.open(*this, span);
  }

  void end(const at::RecordFunction& op) {
    Thread& thread = of_thread();
    if (--thread.depth > 0) return;
    HostSpan* const span = thread.close();
    if (!what_.work || span == nullptr) return;
    double given = 0;
    bool view = true;
    each_tensor(op.outputs(), [&](const Tensor& tensor) {
      given += bytes_of(tensor);
      view = view && tensor.has_storage() &&
             std::ranges::find(thread.taken, tensor.storage().unsafeGetStorageImpl()) != thread.taken.end();
    });
    const std::string_view name = op.name();
    const bool moves = name.ends_with('_') || (!view && !name.starts_with("aten::empty"));
    span->bytes = moves ? span->bytes + (picks(name) ? 2 : 1) * given : 0;
  }

  Timeline timeline(const Interval& window) {
    Timeline timeline{.names = {}, .ranges = std::move(ranges_), .window = window};
    timeline.names.resize(names_.size());
    for (const auto& [name, number] : names_) timeline.names[number] = name;
    timeline.threads = static_cast<std::uint32_t>(threads_.size());
    timeline.system_threads.resize(threads_.size());
    for (auto& [_, thread] : threads_) {
      timeline.system_threads[thread->number] = thread->system_number;
      timeline.host.insert(timeline.host.end(), thread->spans.begin(), thread->spans.end());
      timeline.lost += thread->lost;
    }
    return timeline;
  }

 private:
  // What one thread did. Other threads do not touch it.
  struct Thread {
    std::uint32_t number = 0;
    std::uint32_t system_number = static_cast<std::uint32_t>(gettid());
    std::vector<HostSpan> spans;
    std::vector<std::size_t> opened;  // places in spans; none of one that was lost
    std::vector<const void*> taken;   // memory of what the open operator takes
    int depth = 0;                    // of operators
    std::int64_t lost = 0;
    std::map<std::tuple<Node, const char*, std::int64_t>, Node> nodes;
    std::unordered_map<const char*, std::uint32_t> names;

    static constexpr std::size_t none = ~std::size_t{0};

    void open(const Collector& of, HostSpan span) {
      if (spans.size() >= of.what_.most_spans) {
        ++lost;
        opened.push_back(none);
        return;
      }
      opened.push_back(spans.size());
      span.thread = number;
      span.at = {steady_nanoseconds(), -1};
      spans.push_back(span);
    }
    HostSpan* close() {
      const std::size_t place = opened.back();
      opened.pop_back();
      if (place == none) return nullptr;
      spans[place].at.end = steady_nanoseconds();
      return &spans[place];
    }
    Node node(Collector& of, Node within, const RangeInfo& range) {
      const auto [found, fresh] = nodes.try_emplace({within, range.name, range.index});
      if (fresh) found->second = of.node_of(within, range);
      return found->second;
    }
    std::uint32_t name(Collector& of, const char* text) {
      const auto [found, fresh] = names.try_emplace(text);
      if (fresh) found->second = of.name_of(text);
      return found->second;
    }
  };

  template <typename Values, typename Work>
  static void each_tensor(const Values& values, const Work& work) {
    for (const c10::IValue& value : values) {
      if (value.isTensor()) {
        if (value.toTensor().defined()) work(value.toTensor());
      } else if (value.isTensorList()) {
        for (const Tensor& tensor : value.toTensorVector())
          if (tensor.defined()) work(tensor);
      }
    }
  }

  // The last one that this thread asked for: a range asks twice. By number, for collectors come and go in one place.
  struct Known {
    std::uint64_t collector = 0;
    Thread* thread = nullptr;
  };

  Thread& of_thread() {
    static constinit thread_local Known known;
    if (known.collector == number_) return *known.thread;
    const std::lock_guard lock(mutex_);
    auto& thread = threads_[std::this_thread::get_id()];
    if (!thread) {
      thread = std::make_unique<Thread>();
      thread->number = static_cast<std::uint32_t>(threads_.size() - 1);
      thread->spans.reserve(std::min(what_.most_spans, std::size_t{1} << 14));  // some passes
    }
    known = {number_, thread.get()};
    return *thread;
  }
  Node node_of(Node within, const RangeInfo& range) {
    const std::lock_guard lock(mutex_);
    const auto [found, fresh] = nodes_.try_emplace({within, range.name, range.index});
    if (fresh) {
      found->second = static_cast<Node>(ranges_.nodes.size());
      ranges_.nodes.push_back({.parent = within, .name = range.name, .index = range.index});
    }
    return found->second;
  }
  std::uint32_t name_of(const char* text) {
    const std::lock_guard lock(mutex_);
    return names_.try_emplace(text, static_cast<std::uint32_t>(names_.size())).first->second;
  }

  static inline std::atomic<std::uint64_t> collectors_ = 0;

  Collecting what_;
  const std::uint64_t number_ = ++collectors_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::thread::id, std::unique_ptr<Thread>> threads_;
  RangeTree ranges_;
  std::map<std::tuple<Node, std::string, std::int64_t>, Node> nodes_;
  std::map<std::string, std::uint32_t> names_{{"", 0}};
};

// LibTorch's callbacks are plain functions: whom they tell stands with the ranges.
Collector* here() { return dynamic_cast<Collector*>(Observed::here().observer); }

std::unique_ptr<at::ObserverContext> op_begins(const at::RecordFunction& op) {
  if (Collector* const collector = here()) collector->begin(op);
  return nullptr;
}
void op_ends(const at::RecordFunction& op, at::ObserverContext*) {
  if (Collector* const collector = here()) collector->end(op);
}

// While one lives, the operators of the calling thread and of those that work for it are told.
class Operators {
 public:
  explicit Operators(bool work)
      : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(op_begins, op_ends)
                                               .scopes({at::RecordScope::FUNCTION})
                                               .needsInputs(work)
                                               .needsOutputs(work))) {}
  ~Operators() { at::removeCallback(handle_); }
  Operators(const Operators&) = delete;
  Operators& operator=(const Operators&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

timeline::Timeline collect(const Collecting& what, const std::function<void()>& work) {
  const auto collector = std::make_unique<Collector>(what);
  if (what.gpu != nullptr) what.gpu->begin();
  {  // observed too, so that a graph that is captured then knows its ranges
    const auto unused = std::make_unique<Collector>(what);
    const Observing observing({.observer = unused.get(), .node = 0});
    what.settle();
  }
  if (what.gpu != nullptr) what.gpu->drain();
  Interval window;
  {
    const Observing observing({.observer = collector.get(), .node = 0});
    std::optional<Operators> operators;
    if (what.operators) operators.emplace(what.work);
    window.begin = steady_nanoseconds();
    work();
    if (what.gpu != nullptr) what.gpu->drain();
    window.end = steady_nanoseconds();
  }
  Timeline timeline = collector->timeline(window);
  if (what.gpu != nullptr) timeline::join(what.gpu->taken(), timeline);
  return timeline;
}

}  // namespace dydit::instrument
