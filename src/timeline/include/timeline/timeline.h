// SPDX-License-Identifier: Apache-2.0
// What collectors saw of some work, by one clock: what the threads of the host did and in which range, and what a GPU
// did and which call asked for it. Collectors fill one, tests make one up; attribution, trace and page only read it.
// Times are nanoseconds of the steady clock.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dydit::timeline {

/// The ranges that were entered, by their paths; the first one stands for "in none".
struct RangeTree {
  struct Node {
    std::uint32_t parent = 0;
    std::string name = {};
    std::int64_t index = -1;  ///< of several alike; -1: of one
  };
  std::vector<Node> nodes{Node{}};

  /// "pass/block 3/attention/qkv"; without indices "pass/block/attention/qkv". Of no range "".
  std::string path(std::uint32_t node, bool with_indices) const;
  /// 0 where it does not come before its child: nobody goes in circles.
  std::uint32_t parent(std::uint32_t node) const { return nodes[node].parent < node ? nodes[node].parent : 0; }
};

struct Interval {
  std::int64_t begin = 0, end = 0;
  std::int64_t length() const { return end - begin; }
};

/// Why a thread of the host that asks a GPU for work does not get on.
enum class Stall : std::uint8_t {
  none,
  synchronisation,  ///< waits for the GPU
  memory,           ///< takes memory of the GPU, or gives it back
};

/// What a thread of the host did. Spans of one thread nest.
struct HostSpan {
  enum class Kind : std::uint8_t {
    range,   ///< a range, from its begin to its end
    kernel,  ///< code of our own that no operator tells of
    op,      ///< an operator of LibTorch that no other one called
    call,    ///< a call of the CUDA API
    shares,  ///< time in which the threads take shares of the work; else what thread 0 does is done by all
  };
  Kind kind = Kind::range;
  std::uint32_t thread = 0;  ///< 0 is the one that was asked to collect
  std::uint32_t name = 0;    ///< of Timeline::names
  std::uint32_t node = 0;    ///< the range that it is, or is in
  Interval at = {};
  std::uint32_t correlation = 0;  ///< of a call: what it asked of the GPU has it too; 0: nothing
  Stall stall = Stall::none;      ///< of a call
  double macs = 0, bytes = 0;     ///< of kernels and operators; bytes are those read and written
};

/// What a GPU did.
struct DeviceSpan {
  enum class Kind : std::uint8_t { kernel, copy, set };
  Kind kind = Kind::kernel;
  std::uint32_t device = 0, stream = 0;
  std::uint32_t name = 0;
  std::uint32_t node = 0;  ///< the range that asked for it
  Interval at = {};
  std::uint32_t correlation = 0;
  std::uint64_t graph_node = 0;  ///< of a CUDA graph; 0: launched by itself
  double macs = 0, bytes = 0;    ///< of its operator, where that is known; of a copy or set what it moves
  struct Launch {
    std::uint32_t grid[3] = {}, block[3] = {};
    std::uint32_t registers = 0;     ///< of a thread
    std::uint32_t shared_bytes = 0;  ///< of a block, static and dynamic
    /// Theoretical, 0 to 1: warps that fit over those that the processor holds; NaN where it is not known.
    double occupancy = std::numeric_limits<double>::quiet_NaN();
  } launch = {};
};

struct Timeline {
  std::vector<std::string> names = {};
  RangeTree ranges = {};
  std::vector<HostSpan> host = {};
  std::vector<DeviceSpan> device = {};
  std::vector<Interval> collector = {};            ///< time of the host that a collector of the GPU's records took
  Interval window = {};                            ///< what is accounted for: all of it, and nothing outside
  std::uint32_t threads = 1;                       ///< of the host, that have spans
  std::vector<std::uint32_t> system_threads = {};  ///< their numbers in the system, where they are known
  std::int64_t lost = 0;                           ///< records that a collector had to drop
  std::int64_t malformed = 0;                      ///< records that made no sense and were left out
};

}  // namespace dydit::timeline
