// SPDX-License-Identifier: Apache-2.0
// Features of the last full passes: their values and finite differences, and Taylor's polynomial of them (TaylorSeer,
// arXiv 2503.06923, equations 4 to 6): f(0) is a feature, f(i + 1) the change of f(i) since the full pass before,
// divided by the passes between; x passes later the feature is foretold as the sum of f(i) x^i / i!.
#pragma once

#include <torch/types.h>

#include <mutex>
#include <vector>

#include "model/shares.h"

namespace dydit::cache {

class History {
 public:
  /// Differences up to `order`, of so many features.
  History(std::int64_t order, std::size_t features)
      : order_(order), features_(features, std::vector<torch::Tensor>(static_cast<std::size_t>(order) + 1)) {}

  /// Gives the memory back: a trajectory ends, or there is another batch.
  void forget();
  /// A full pass begins, `distance` passes after the last one, with a batch of so many images, which is at most what it
  /// was.
  void full_pass(std::int64_t distance, std::int64_t images);
  /// Of a full pass: a share's feature (n,T,D). Of different shares in different threads.
  void keep(std::size_t feature, const model::Share& share, const torch::Tensor& value);
  /// So many passes after the last full one: (n,T,D).
  torch::Tensor foretold(std::size_t feature, const model::Share& share, std::int64_t distance) const;
  std::size_t bytes() const;

 private:
  torch::Tensor stored(torch::Tensor& all, const torch::Tensor& like);

  std::int64_t order_;
  std::vector<std::vector<torch::Tensor>> features_;  // (N,T,D): f(0), f(1), ...
  std::mutex mutex_;
  std::int64_t passes_ = 0, images_ = 0;  // full ones so far; of the last one
  double distance_ = 1;
};

}  // namespace dydit::cache
