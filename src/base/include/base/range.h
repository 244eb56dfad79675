// SPDX-License-Identifier: Apache-2.0
// Names for the parts of the work, put where the work is done, for whoever collects where time goes. Ranges nest: a
// path such as "pass/block 3/attention/qkv" says where a moment belongs. Where nobody observes the thread, a range
// costs a comparison.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dydit {

/// What a range is told with. A kernel of our own is a range that knows its work, as an operator of LibTorch has
/// shapes; so is one that asks a GPU for a kernel and for little else.
struct RangeInfo {
  const char* name;            ///< lives as long as the program
  std::int64_t index = -1;     ///< of several alike: "block 3"; -1: of one
  bool kernel = false;         ///< runs code of ours that no operator tells of
  bool shares = false;         ///< is no range of its own: what is done in it several threads take shares of
  double macs = 0, bytes = 0;  ///< of its kernel: multiply-accumulates, and bytes read and written; 0: not known
};

/// Is told of the ranges of the threads that work for the one that it observes: called from several at once.
class RangeObserver {
 public:
  using Node = std::uint32_t;  ///< a range by its path; 0 is where no range is
  virtual ~RangeObserver() = default;
  virtual Node begin(Node within, const RangeInfo& range) noexcept = 0;
  virtual void end(Node node) noexcept = 0;
  /// From the outermost range to this one.
  struct Step {
    std::string name;
    std::int64_t index;
  };
  virtual std::vector<Step> path(Node node) const = 0;
  /// What the range that the calling thread is in has been told with.
  struct Work {
    double macs = 0, bytes = 0;
  };
  virtual Work work() noexcept { return {}; }
};

/// Who observes a thread, and in which range it is.
struct Observed {
  RangeObserver* observer = nullptr;
  RangeObserver::Node node = 0;

  static Observed here() { return current; }

 private:
  friend class Range;
  friend class Observing;
  static constinit thread_local Observed current;
};

/// While one lives, the calling thread is observed: for who collects, and for threads that work for another one.
class Observing {
 public:
  explicit Observing(Observed observed) : before_(Observed::current) { Observed::current = observed; }
  ~Observing() { Observed::current = before_; }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;

 private:
  Observed before_;
};

/// While one lives, the calling thread works on what it names.
class Range {
 public:
  explicit Range(const RangeInfo& info) : before_(Observed::current.node) {
    if (Observed::current.observer != nullptr)
      Observed::current.node = Observed::current.observer->begin(before_, info);
  }
  explicit Range(const char* name, std::int64_t index = -1) : Range(RangeInfo{.name = name, .index = index}) {}
  ~Range() {
    if (Observed::current.observer == nullptr) return;
    Observed::current.observer->end(Observed::current.node);
    Observed::current.node = before_;
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  RangeObserver::Node before_;
};

/// What `work` gives, in that range.
template <typename Work>
decltype(auto) in_range(const RangeInfo& info, const Work& work) {
  const Range range(info);
  return work();
}
template <typename Work>
decltype(auto) in_range(const char* name, const Work& work) {
  return in_range(RangeInfo{.name = name}, work);
}

}  // namespace dydit
