// SPDX-License-Identifier: Apache-2.0
// Packed weights of the units that are on, kept within a budget.
#pragma once

#include <algorithm>
#include <compare>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "dit/dit.h"

namespace dydit::dit {

using Units = std::vector<bool>;  ///< of the H heads or channel groups of a layer: which are on

inline bool none(const Units& units) { return std::ranges::find(units, true) == units.end(); }
/// Layer by layer, of a mask (depth,H) on the CPU.
std::vector<Units> units_of(const torch::Tensor& mask);

/// The units that are on at one timestep, layer by layer.
struct WidthPlan {
  std::vector<Units> heads, channels;
  auto operator<=>(const WidthPlan&) const = default;
};

/// The two products of a layer's attention (qkv, projection) or MLP (fc1, fc2), for the units that are on.
struct PackedSublayer {
  model::PackedLinear in, out;
  std::int64_t units = 0;  ///< how many are on
  std::size_t bytes() const { return in.bytes() + out.bytes(); }
};

class Packing {
 public:
  /// `budget`: bytes of packed weights to keep. Weights that the last plan keeps are never dropped for others; what
  /// goes beyond the budget is packed for its use and dropped after it.
  Packing(DiT dit, std::size_t budget) : dit_(std::move(dit)), budget_(budget) {}

  /// Packs what the plans need, in their order, until the budget is used up; what earlier ones needed is dropped for
  /// it. A layer without a unit that is on needs nothing.
  void prepare(const std::vector<WidthPlan>& plans);

  /// At least one unit is on.
  std::shared_ptr<const PackedSublayer> attention(std::size_t layer, const Units& heads);
  std::shared_ptr<const PackedSublayer> mlp(std::size_t layer, const Units& groups);

  std::size_t bytes() const { return bytes_; }  ///< of what is kept
  /// Whether all that the plan needs is kept, ready to be used.
  bool keeps(const WidthPlan& plan) const;
  /// Grows as often as something that was kept is dropped.
  std::int64_t drops() const { return drops_; }

 private:
  struct Key {
    std::size_t layer;
    bool is_mlp;
    Units units;
    auto operator<=>(const Key&) const = default;
  };
  struct Kept {
    std::shared_ptr<const PackedSublayer> packed;
    std::size_t bytes;
    std::list<Key>::iterator used;  // in order_
  };

  std::shared_ptr<const PackedSublayer> get(const Key& key);
  std::shared_ptr<const PackedSublayer> pack(const Key& key) const;
  std::size_t bytes_of(const Key& key) const;  // that its weights have
  // Drops weights that the last plan does not need until there are so many bytes of room; false where that is not
  // enough.
  bool make_room(std::size_t bytes);
  void keep(const Key& key, std::shared_ptr<const PackedSublayer> packed);  // there is room for it

  DiT dit_;
  std::mutex in_use_;  // by one of the threads that share a batch
  std::size_t budget_, bytes_ = 0;
  std::int64_t drops_ = 0;
  std::map<Key, Kept> kept_;
  std::set<Key> needed_;  // by the last plan
  std::list<Key> order_;  // the one used last comes first
};

}  // namespace dydit::dit
