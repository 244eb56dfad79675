// SPDX-License-Identifier: Apache-2.0
// Batches decoded on threads ahead of the model. The same seed gives the same batches whatever the
// number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace dydit::data {

struct Batch {
  std::vector<float> images;          ///< (N,C,H,W)
  std::vector<std::int64_t> labels;   ///< (N)
  std::vector<std::int64_t> indices;  ///< (N) index in the dataset
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

struct LoaderOptions {
  std::int64_t batch = 64;
  int threads = 2;
  std::uint64_t seed = 0;
  bool shuffle = false;            ///< a new permutation each epoch, batches never straddle nothing: see next()
  bool flip = false;               ///< mirror with probability 1/2, by (seed, sample, epoch)
  std::int64_t first = 0;          ///< first sample position to deliver (resumption)
  double max_broken_share = 0.01;  ///< more broken samples than this share of the set: the run stops
};

/// With `shuffle`: an endless stream of full batches over concatenated epoch permutations, so position
/// p = epoch * size + offset. Without: the samples [first, last) once in order, the last batch smaller.
/// A broken sample is reported by name on stderr once, counted, and left out (unshuffled) or replaced by
/// the next sample of the same permutation that can be read (shuffled).
class Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options, std::int64_t last = -1);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch; false at the end. Rethrows what a thread threw; throws InputError when too many
  /// samples are broken.
  bool next(Batch& batch);
  std::int64_t broken() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dydit::data
