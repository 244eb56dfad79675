// SPDX-License-Identifier: Apache-2.0
// Batches decoded on threads ahead of the model. The same seed gives the same batches whatever the
// number of threads.
#pragma once

#include <cstdint>
#include <functional>
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
  bool shuffle = false;            ///< a new permutation each epoch, by (seed, epoch)
  bool flip = false;               ///< mirror with probability 1/2, by (seed, sample, epoch)
  std::int64_t first = 0;          ///< position to begin at (resumption)
  std::int64_t skip = 0;           ///< positions passed over after each batch, which other processes take
  double max_broken_share = 0.01;  ///< more broken samples than this share of the set: the run stops; 0: told of
                                   ///< the first one alone
  std::function<void(const std::string&)> warn = {};  ///< told of each broken sample, from any thread; empty: stderr
};

/// Shuffled: an endless stream of full batches over the epochs' permutations one after the other, so
/// position p = epoch * size + offset, and a batch may span two epochs. A broken sample gives its place
/// to the next readable one of the same permutation.
/// Not shuffled: the samples [first, last) once, in order, the last batch smaller; position = index. A
/// broken sample is left out, so its batch is smaller too (an empty one is passed over).
/// Either way a broken sample is named once (see warn) and counted.
class Loader {
 public:
  /// `last` is for a loader that does not shuffle; -1 is the end of the set. Throws UsageError when
  /// there is no such range, thread or batch.
  Loader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options, std::int64_t last = -1);
  /// Stops and joins the threads.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, into the memory of the one given; false at the end. Rethrows what a thread threw;
  /// throws InputError when too many samples are broken.
  bool next(Batch& batch);
  /// Distinct broken samples met so far; decoding is up to four batches ahead.
  std::int64_t broken() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dydit::data
