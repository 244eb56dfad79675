// SPDX-License-Identifier: Apache-2.0
// DPM-Solver++ as a multistep method (Lu et al. 2022, arXiv 2211.01095): orders 1 to 3 on the probability flow
// (algorithm 2 and its third-order sibling), orders 1 and 2 on the reverse SDE (section 5), in between with noise of
// scale eta.
#include <algorithm>

#include "levels.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

class DpmSolver final : public StepSampler {
 public:
  DpmSolver(std::vector<Step> steps, std::int64_t order, double eta, bool clip)
      : StepSampler(std::move(steps), clip), order_(order), eta_(eta) {}
  bool stochastic() const override { return eta_ > 0; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    std::vector<Past> past;  // the newest last
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const auto& [from, to] = steps_[i];
      past.push_back({denoised(along.model(x, from.time), x, from, clip_).image, from.log_ratio()});
      if (std::ssize(past) > order_) past.erase(past.begin());
      x = next(x, past, from, to, order_of(i, past.size()), along, i);
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  /// Below 15 steps the last ones are of lower order, and the step to the image itself always is (as in diffusers).
  std::int64_t order_of(std::size_t i, std::size_t known) const {
    const auto left = static_cast<std::int64_t>(steps_.size() - i);
    const bool few = steps_.size() < 15;
    const std::int64_t most = steps_[i].to.sigma == 0 ? 1 : few ? left : order_;
    return std::min({order_, static_cast<std::int64_t>(known), most});
  }

  Tensor next(const Tensor& x, const std::vector<Past>& past, const Level& from, const Level& to, std::int64_t order,
              const Trajectory& along, std::size_t i) const {
    const Past& now = past.back();
    if (to.sigma == 0) return to.alpha * now.image;
    const double h = to.log_ratio() - from.log_ratio(), gain = -std::expm1(-(1 + eta_) * h);
    Tensor y = to.sigma / from.sigma * std::exp(-eta_ * h) * x + to.alpha * gain * now.image;
    if (order >= 2) {
      const Past& before = past[past.size() - 2];
      const double r0 = (now.log_ratio - before.log_ratio) / h;
      Tensor slope = (now.image - before.image) / r0;
      if (order == 2) {
        y = y + to.alpha * 0.5 * gain * slope;
      } else {
        const Past& first = past[past.size() - 3];
        const double r1 = (before.log_ratio - first.log_ratio) / h;
        const Tensor earlier = (before.image - first.image) / r1, bend = (slope - earlier) / (r0 + r1);
        slope = slope + r0 * bend;
        y = y + to.alpha * (1 - gain / h) * slope - to.alpha * ((h - gain) / (h * h) - 0.5) * bend;
      }
    }
    if (eta_ > 0) y = y + to.sigma * std::sqrt(-std::expm1(-2 * eta_ * h)) * along.noise(static_cast<std::int64_t>(i));
    return y;
  }

  std::int64_t order_;
  double eta_;
};

}  // namespace

std::unique_ptr<Sampler> dpm_solver(std::vector<Step> steps, std::int64_t order, double eta, bool clip) {
  return std::make_unique<DpmSolver>(std::move(steps), order, eta, clip);
}

}  // namespace dydit::diffusion
