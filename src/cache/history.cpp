// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <torch/torch.h>

#include <algorithm>
#include <utility>

namespace dydit::cache {

using torch::Tensor;

void History::forget() {
  passes_ = 0;
  images_.assign(differences_.size(), 0);
  for (auto& difference : differences_) difference.assign(differences_.size(), 0.0);
}

void History::give_back() {
  forget();
  kept_.clear();
}

Tensor History::full_pass(std::int64_t distance, at::IntArrayRef sizes, const torch::TensorOptions& options) {
  const std::size_t oldest = static_cast<std::size_t>(passes_) % differences_.size();
  kept_.resize(std::max(kept_.size(), oldest + 1));
  Tensor& kept = kept_[oldest];
  const bool fits = kept.defined() && kept.size(1) >= sizes[1] && kept.scalar_type() == options.dtype() &&
                    kept.device() == options.device() && kept.size(0) == sizes[0] &&
                    kept.sizes().slice(2) == sizes.slice(2);
  if (!fits) {
    const torch::InferenceMode inference(false);  // it may be written where that mode is not
    kept = torch::empty(sizes, options);
  }
  images_[oldest] = std::max(images_[oldest], sizes[1]);

  std::vector<double> next(differences_.size());
  next[oldest] = 1;
  for (std::int64_t i = 0; i <= std::min(order_, passes_); ++i) {
    const std::vector<double> before = std::exchange(differences_[static_cast<std::size_t>(i)], next);
    for (std::size_t k = 0; k < next.size(); ++k) next[k] = (next[k] - before[k]) / static_cast<double>(distance);
  }
  ++passes_;
  return kept.narrow(1, 0, sizes[1]);
}

engine::Reused History::foretold(std::int64_t images, std::int64_t distance) const {
  engine::Reused sum;
  const std::int64_t last = std::min(order_, passes_ - 1);
  for (std::size_t k = 0; std::cmp_less_equal(k, last); ++k) {
    sum.passes.push_back(kept_[k].narrow(1, 0, images));
    double& factor = sum.factors.emplace_back(0);
    double power = 1;  // x^i / i!
    for (std::int64_t i = 0; i <= last; ++i) {
      factor += power * differences_[static_cast<std::size_t>(i)][k];
      power *= static_cast<double>(distance) / static_cast<double>(i + 1);
    }
  }
  return sum;
}

std::size_t History::held_bytes() const {
  std::size_t bytes = 0;
  for (const Tensor& kept : kept_) bytes += kept.nbytes();
  return bytes;
}

std::size_t History::bytes() const {
  std::size_t bytes = 0;
  for (std::size_t k = 0; k < kept_.size() && images_[k] > 0; ++k) bytes += kept_[k].narrow(1, 0, images_[k]).nbytes();
  return bytes;
}

}  // namespace dydit::cache
