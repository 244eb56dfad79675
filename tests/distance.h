// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <limits>

namespace dydit::test {

/// In float64; one number that is none where shapes differ.
inline torch::Tensor difference(const torch::Tensor& actual, const torch::Tensor& expected) {
  if (actual.sizes() != expected.sizes())
    return torch::full({1}, std::numeric_limits<double>::quiet_NaN(), torch::kFloat64);
  return actual.detach().to(torch::kFloat64) - expected.to(torch::kFloat64);
}

/// ||a - b|| / ||b|| over the whole tensor, and the largest |a - b|. Not a number where shapes differ.
inline double rel_l2(const torch::Tensor& actual, const torch::Tensor& expected) {
  return (difference(actual, expected).norm() / expected.to(torch::kFloat64).norm()).item<double>();
}
inline double max_abs(const torch::Tensor& actual, const torch::Tensor& expected) {
  return difference(actual, expected).abs().max().item<double>();
}

}  // namespace dydit::test
