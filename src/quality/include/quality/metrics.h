// SPDX-License-Identifier: Apache-2.0
// How far generated images are from real ones, by their features, as the ADM evaluator and pytorch-fid define it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace dydit::quality {

/// Of a kernel distance: its mean over subsets and their spread.
struct KernelDistance {
  double mean = 0, deviation = 0;
};
/// MMD^2 with the kernel (x.y / d + 1)^3, unbiased, over `subsets` draws of `size` features of each set without
/// replacement (Binkowski et al. 2018, arXiv:1801.01401, section 4). A set of fewer is taken whole. What is of the
/// reference (N,d) alone is computed once for all that are held against it.
class KernelDistances {
 public:
  KernelDistances(torch::Tensor reference, std::int64_t subsets, std::int64_t size, std::uint64_t seed);
  /// Throws UsageError for fewer than two features of either set.
  KernelDistance to(const torch::Tensor& other);

 private:
  torch::Tensor reference_;
  std::int64_t subsets_, size_;
  std::uint64_t seed_;
  std::vector<double> within_;  // the kernel's mean in each subset of the reference, as far as it was asked for
};

/// exp of the mean divergence of p(y|x) = softmax(logits) from its mean over a part, the mean over parts (Salimans et
/// al. 2016, arXiv:1606.03498). Logits (n,K) of each, without the last layer's bias.
double inception_score(const std::vector<torch::Tensor>& parts);

/// Features of a set and the squared distance of each to its `neighbours`th neighbour in that set.
struct Balls {
  torch::Tensor centers, radii;  ///< float64 (N,d), less `middle`; (N)
};
/// `middle` (d) is to be near the features, and that of the other set's too: far from it distances have less digits.
/// Throws UsageError where a set has no such neighbour.
Balls balls_of(const torch::Tensor& features, std::int64_t neighbours, const torch::Tensor& middle);

/// Which centers lie within a ball of the other set: bool (N) of each. The share of generated ones is the precision, of
/// real ones the recall (Kynkaanniemi et al. 2019, arXiv:1904.06991).
struct WithinBalls {
  torch::Tensor real, generated;
};
WithinBalls within_balls(const Balls& real, const Balls& generated);

}  // namespace dydit::quality
