// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <algorithm>
#include <utility>

#include "base/range.h"

namespace dydit::cache {

using torch::Tensor;

void History::forget() {
  passes_ = 0;
  for (auto& feature : features_)
    for (Tensor& difference : feature) difference = Tensor();
}

void History::full_pass(std::int64_t distance, std::int64_t images) {
  distance_ = static_cast<double>(distance);
  images_ = images;
  ++passes_;
}

// Memory for all images, which the first share that comes asks for.
Tensor History::stored(Tensor& all, const Tensor& like) {
  const std::lock_guard lock(mutex_);
  auto sizes = like.sizes().vec();
  sizes.front() = images_;
  if (!all.defined()) all = torch::empty(sizes, like.options());
  return all;
}

void History::keep(std::size_t feature, const model::Share& share, const Tensor& value) {
  const Range range("keep");
  Tensor next = value;
  for (std::int64_t i = 0; i <= order_; ++i) {
    Tensor& kept = features_[feature][static_cast<std::size_t>(i)];
    const bool differs = i + 1 < passes_ && i < order_;  // f(i) of the full pass before is there, f(i + 1) is wanted
    const auto change_since = [&](const Tensor& before) { return differs ? (next - before) / distance_ : Tensor(); };
    Tensor change;
    if (share.count == images_) {  // of the whole batch: nothing is copied
      const Tensor before = std::exchange(kept, next.contiguous());
      change = change_since(differs ? before.narrow(0, 0, images_) : before);
    } else {
      const Tensor before = stored(kept, next).narrow(0, share.first, share.count);
      change = change_since(before);
      before.copy_(next);
    }
    if (!differs) return;
    next = change;
  }
}

Tensor History::foretold(std::size_t feature, const model::Share& share, std::int64_t distance) const {
  const Range range("predict");
  const auto& known = features_[feature];
  const auto of = [&](std::int64_t i) {
    return known[static_cast<std::size_t>(i)].narrow(0, share.first, share.count);
  };
  const std::int64_t last = std::min(order_, passes_ - 1);
  Tensor sum = of(0);
  double factor = 1;
  for (std::int64_t i = 1; i <= last; ++i) {
    factor *= static_cast<double>(distance) / static_cast<double>(i);
    sum = i == 1 ? torch::add(sum, of(i), factor) : sum.add_(of(i), factor);
  }
  return sum;
}

std::size_t History::bytes() const {
  std::size_t bytes = 0;
  for (const auto& feature : features_)
    for (const Tensor& difference : feature)
      if (difference.defined()) bytes += difference.nbytes();
  return bytes;
}

}  // namespace dydit::cache
