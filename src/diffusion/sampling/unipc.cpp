// SPDX-License-Identifier: Apache-2.0
// UniPC (Zhao et al. 2023, arXiv 2302.04867, algorithms 5 and 6): predicts the image, B(h) = e^h - 1 (bh2), and
// corrects each step with the model's answer at its end, which the next step needs anyhow.
#include <algorithm>
#include <optional>

#include <torch/torch.h>

#include "levels.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

/// One step from the newest of `past` (the newest last) to `to`, with `order` images.
class Update {
 public:
  Update(const std::vector<Past>& past, const Level& from, const Level& to, std::int64_t order)
      : now_(past.back().image), from_(from), to_(to), order_(order), h_(to.log_ratio() - from.log_ratio()) {
    for (std::int64_t k = 1; k < order; ++k) {
      const Past& before = past[past.size() - 1 - static_cast<std::size_t>(k)];
      ratios_.push_back((before.log_ratio - past.back().log_ratio) / h_);
      slopes_.push_back((before.image - now_) / ratios_.back());
    }
    ratios_.push_back(1);
  }

  Tensor predicted(const Tensor& x) const {
    // With one slope the paper takes a half rather than the solution, which is as accurate.
    const auto weights = order_ == 2 ? std::vector{0.5} : solved(order_ - 1);
    return moved(x, weights, {});
  }
  Tensor corrected(const Tensor& x, const Tensor& image_at_end) const {
    return moved(x, order_ == 1 ? std::vector{0.5} : solved(order_), image_at_end - now_);
  }

 private:
  double gain() const { return std::expm1(-h_); }  // of an infinite step -1

  Tensor moved(const Tensor& x, const std::vector<double>& weights, const Tensor& last_slope) const {
    Tensor slope = torch::zeros_like(x);
    for (std::size_t k = 0; k < slopes_.size(); ++k) slope = slope + weights[k] * slopes_[k];
    if (last_slope.defined()) slope = slope + weights.back() * last_slope;
    return to_.sigma / from_.sigma * x - to_.alpha * gain() * (now_ + slope);
  }

  /// The weights of the first `count` slopes that make the polynomials up to that degree exact (paper, eq. 6 and 7).
  std::vector<double> solved(std::int64_t count) const {
    if (count == 0) return {};
    Tensor powers = torch::empty({count, count}, torch::kFloat64), right = torch::empty({count}, torch::kFloat64);
    double phi = gain() / -h_ - 1, factorial = 1;
    for (std::int64_t degree = 0; degree < count; ++degree) {
      for (std::int64_t k = 0; k < count; ++k)
        powers[degree][k] = std::pow(ratios_[static_cast<std::size_t>(k)], static_cast<double>(degree));
      right[degree] = phi * factorial / gain();
      factorial *= static_cast<double>(degree + 2);
      phi = phi / -h_ - 1 / factorial;
    }
    const Tensor solution = torch::linalg_solve(powers, right).contiguous();
    return {solution.data_ptr<double>(), solution.data_ptr<double>() + count};
  }

  Tensor now_;
  const Level &from_, &to_;
  std::int64_t order_;
  double h_;
  std::vector<double> ratios_;
  std::vector<Tensor> slopes_;
};

class UniPC final : public StepSampler {
 public:
  UniPC(std::vector<Step> steps, std::int64_t order, bool clip) : StepSampler(std::move(steps), clip), order_(order) {}

  Tensor sample(Tensor x, const Trajectory& along) const override {
    std::vector<Past> past;
    std::optional<Update> update;
    Tensor before;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const auto& [from, to] = steps_[i];
      const Tensor image = denoised(along.model(x, from.time), x, from, clip_).image;
      if (update) x = update->corrected(before, image);
      past.push_back({image, from.log_ratio()});
      if (std::ssize(past) > order_) past.erase(past.begin());
      // The fewer steps are left, the lower the order: the last one has 1.
      const auto left = static_cast<std::int64_t>(steps_.size() - i);
      update.emplace(past, from, to, std::min({order_, std::ssize(past), left}));
      before = x;
      x = update->predicted(x);
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  std::int64_t order_;
};

}  // namespace

std::unique_ptr<Sampler> unipc(std::vector<Step> steps, std::int64_t order, bool clip) {
  return std::make_unique<UniPC>(std::move(steps), order, clip);
}

}  // namespace dydit::diffusion
