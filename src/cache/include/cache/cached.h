// SPDX-License-Identifier: Apache-2.0
// An engine with a feature cache around it, for the passes of one trajectory after the other.
#pragma once

#include "cache/spec.h"
#include "engine/engine.h"

namespace dydit::cache {

class Cached : public engine::Engine {
 public:
  /// Which of the passes since `begin` were full.
  virtual const std::vector<bool>& full() const = 0;
  /// The most that features and what the test compares with took since `begin`.
  virtual std::size_t cache_bytes() const = 0;
  /// What it holds between trajectories, for the next one: around an engine that keeps programs ready, else nothing.
  virtual std::size_t held_bytes() const = 0;
};

/// Its forward is asked for passes of a batch in their order, and `begin` before the first. A batch of guidance is both
/// halves, the conditional one first; where it has more images than the pass before (guidance begins to act) the pass
/// is full and nothing is left of what was kept. Throws UsageError for blocks that the model does not have.
std::unique_ptr<Cached> cached(std::shared_ptr<engine::Engine> engine, const CacheSpec& spec,
                               const model::Architecture& architecture);

}  // namespace dydit::cache
