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
/// replacement (Binkowski et al. 2018, arXiv:1801.01401, section 4). A set of fewer is taken whole. Throws UsageError
/// for fewer than two features.
KernelDistance kernel_distance(const torch::Tensor& a, const torch::Tensor& b, std::int64_t subsets, std::int64_t size,
                               std::uint64_t seed);

/// exp of the mean divergence of p(y|x) = softmax(logits) from its mean over a part, the mean over parts (Salimans et
/// al. 2016, arXiv:1606.03498). Logits (n,K) of each, without the last layer's bias.
double inception_score(const std::vector<torch::Tensor>& parts);

/// Which features lie within the ball of one of the other set's, that reaches as far as its `neighbours`th neighbour in
/// its own set: bool (N) of each set. The share of generated ones is the precision, of real ones the recall
/// (Kynkaanniemi et al. 2019, arXiv:1904.06991).
struct WithinBalls {
  torch::Tensor real, generated;
};
/// Throws UsageError where a set has no such neighbour.
WithinBalls within_balls(const torch::Tensor& real, const torch::Tensor& generated, std::int64_t neighbours);

}  // namespace dydit::quality
