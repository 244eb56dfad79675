// SPDX-License-Identifier: Apache-2.0
// Euler's and Heun's method on the diffusion's probability flow, d(x / alpha) = noise d(sigma / alpha) (Karras et al.
// 2022, arXiv 2206.00364, algorithm 1 and eq. 3).
#include "levels.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

class ProbabilityFlow final : public StepSampler {
 public:
  ProbabilityFlow(std::vector<Step> steps, bool heun, bool clip) : StepSampler(std::move(steps), clip), heun_(heun) {}

  std::vector<double> times() const override {
    std::vector<double> times;
    for (const Step& step : steps_) {
      times.push_back(step.from.time);
      if (twice(step)) times.push_back(step.to.time);
    }
    return times;
  }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const auto& [from, to] = steps_[i];
      const double h = to.sigma / to.alpha - from.sigma / from.alpha;
      const Tensor y = x / from.alpha, slope = denoised(along.model(x, from.time), x, from, clip_).noise;
      x = to.alpha * (y + h * slope);
      if (twice(steps_[i])) {
        const Tensor at_end = denoised(along.model(x, to.time), x, to, clip_).noise;
        x = to.alpha * (y + h / 2 * (slope + at_end));
      }
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  /// No model knows the end.
  bool twice(const Step& step) const { return heun_ && step.to.sigma > 0; }
  bool heun_;
};

}  // namespace

std::unique_ptr<Sampler> probability_flow(std::vector<Step> steps, bool heun, bool clip) {
  return std::make_unique<ProbabilityFlow>(std::move(steps), heun, clip);
}

}  // namespace dydit::diffusion
