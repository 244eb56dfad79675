// SPDX-License-Identifier: Apache-2.0
// Features of the last full passes, and Taylor's polynomial of their finite differences (TaylorSeer, arXiv 2503.06923,
// equations 4 to 6): f(0) is a feature, f(i + 1) the change of f(i) since the full pass before, divided by the passes
// between; x passes later the feature is foretold as the sum of f(i) x^i / i!. That is a sum of the features
// themselves, each times a factor: differences are taken of factors and not of features.
#pragma once

#include <torch/types.h>

#include <vector>

#include "engine/pass.h"

namespace dydit::cache {

class History {
 public:
  /// Differences up to `order`.
  explicit History(std::int64_t order) : order_(order), differences_(static_cast<std::size_t>(order) + 1) { forget(); }

  /// A trajectory begins, or there is another batch. The memory stays for what is kept next.
  void forget();
  void give_back();  ///< the memory, too
  /// A full pass begins, `distance` passes after the last one, with a batch of so many images, which is at most what it
  /// was. -> where it writes its features (features,images,T,D), of sizes and type that stay the same.
  torch::Tensor full_pass(std::int64_t distance, at::IntArrayRef sizes, const torch::TensorOptions& options);
  /// Of `images` images, so many passes after the last full one.
  engine::Reused foretold(std::int64_t images, std::int64_t distance) const;
  /// What the passes that count take, and what is held for others besides.
  std::size_t bytes() const;
  std::size_t held_bytes() const;

 private:
  std::int64_t order_;
  std::vector<torch::Tensor> kept_;               // of the last order + 1 full passes, each where the oldest was
  std::vector<std::int64_t> images_;              // of each, the most that were kept
  std::vector<std::vector<double>> differences_;  // f(0), f(1), ... as factors of these
  std::int64_t passes_ = 0;                       // full ones so far
};

}  // namespace dydit::cache
