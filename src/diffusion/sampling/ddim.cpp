// SPDX-License-Identifier: Apache-2.0
// DDIM (Song et al. 2021, arXiv 2010.02502, eq. 12 and 16).
#include "levels.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

class Ddim final : public StepSampler {
 public:
  Ddim(std::vector<Step> steps, double eta, bool clip) : StepSampler(std::move(steps), clip), eta_(eta) {}
  bool stochastic() const override { return eta_ > 0; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const auto& [from, to] = steps_[i];
      const Denoised now = denoised(along.model(x, from.time), x, from, clip_);
      const double ratio = from.alpha / to.alpha;
      const double added = eta_ * to.sigma / from.sigma * std::sqrt(1 - ratio * ratio);
      x = to.alpha * now.image + std::sqrt(to.sigma * to.sigma - added * added) * now.noise;
      if (added > 0) x = x + added * along.noise(static_cast<std::int64_t>(i));
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  double eta_;
};

}  // namespace

std::unique_ptr<Sampler> ddim(std::vector<Step> steps, double eta, bool clip) {
  return std::make_unique<Ddim>(std::move(steps), eta, clip);
}

}  // namespace dydit::diffusion
