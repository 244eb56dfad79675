// SPDX-License-Identifier: Apache-2.0
// Features as a Gaussian, and the Frechet distance of two (Heusel et al. 2017, arXiv:1706.08500, equation 6; Dowson and
// Landau 1982). All in float64 on the CPU.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dydit::quality {

struct Gaussian {
  torch::Tensor mean;        ///< (d)
  torch::Tensor covariance;  ///< (d,d)
};

/// Mean and covariance (over N - 1) of features that come in parts: memory is that of one part and (d,d).
class Moments {
 public:
  explicit Moments(std::int64_t dimensions);
  /// Features (n,d) of any floating type; with `weights` (n) of float64 each counts so many times.
  void add(const torch::Tensor& features, const torch::Tensor& weights = {});
  double count() const { return count_; }
  /// Throws UsageError for fewer than two, NotFinite where a feature was not.
  Gaussian gaussian() const;

 private:
  double count_ = 0;
  torch::Tensor origin_;  // that deviations are summed from: close to the mean
  torch::Tensor sum_, products_;
};

/// |m_a - m_b|^2 + tr(A + B - 2 (A B)^(1/2)). Either covariance may be singular: the root's trace is that of
/// (R^T B R)^(1/2), A = R R^T, whose eigenvalues are none below 0. Throws InputError where dimensions differ.
double frechet_distance(const Gaussian& a, const Gaussian& b);

}  // namespace dydit::quality
