// SPDX-License-Identifier: Apache-2.0
#include "quality/gaussian.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"

namespace dydit::quality {

using torch::Tensor;

Moments::Moments(std::int64_t dimensions)
    : sum_(torch::zeros({dimensions}, torch::kFloat64)),
      products_(torch::zeros({dimensions, dimensions}, torch::kFloat64)) {}

void Moments::add(const Tensor& features, const Tensor& weights) {
  if (features.size(0) == 0) return;
  constexpr std::int64_t part = 1024;  // rows in float64 at once
  for (std::int64_t first = 0; first < features.size(0); first += part) {
    const std::int64_t rows = std::min(part, features.size(0) - first);
    Tensor x = features.narrow(0, first, rows).to(torch::kCPU, torch::kFloat64);
    if (!origin_.defined()) origin_ = x.mean(0);
    x = x - origin_;
    Tensor weighted = x;
    if (weights.defined()) {
      const Tensor of = weights.narrow(0, first, rows);
      weighted = x * of.unsqueeze(1);
      count_ += of.sum().item<double>();
    } else {
      count_ += static_cast<double>(rows);
    }
    sum_ += weighted.sum(0);
    products_.addmm_(x.t(), weighted);
  }
}

Gaussian Moments::gaussian() const {
  if (count_ < 2) throw UsageError("a covariance needs two images", fmt::format("{:g}", count_), "give more");
  const Tensor mean = sum_ / count_;
  Gaussian of{.mean = origin_ + mean, .covariance = (products_ - count_ * torch::outer(mean, mean)) / (count_ - 1)};
  if (!of.covariance.isfinite().all().item<bool>())
    throw NotFinite("features are not finite", fmt::format("of {:g} images", count_));
  return of;
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  if (a.mean.sizes() != b.mean.sizes())
    throw InputError("features of different sizes", fmt::format("{} and {}", a.mean.size(0), b.mean.size(0)),
                     "give two sets of the same kind of features");
  // In place, and let go when done with: of thousands of dimensions each of these matrices takes tens of megabytes.
  auto [values, root] = torch::linalg_eigh(a.covariance);
  root.mul_(values.clamp_min(0).sqrt());
  Tensor both = root.t().mm(b.covariance).mm(root);
  root = Tensor();
  both = both.add(both.t()).div_(2);
  const Tensor squares = torch::linalg_eigvalsh(both).clamp_min(0);
  const Tensor apart = a.mean - b.mean;
  const Tensor distance = apart.dot(apart) + a.covariance.trace() + b.covariance.trace() - 2 * squares.sqrt().sum();
  if (!distance.isfinite().item<bool>()) throw NotFinite("a Frechet distance is not finite");
  return std::max(distance.item<double>(), 0.0);  // of equal ones rounding may leave less
}

}  // namespace dydit::quality
