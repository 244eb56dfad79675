// SPDX-License-Identifier: Apache-2.0
// The reverse SDE of an interpolant (SiT, section 2.3 and 3.3; transport/integrators.py): dx = (v + w s) dt + sqrt(2 w)
// dW with the velocity v, the score s and any w(t) >= 0, by Euler and Maruyama; a last step along the mean.
#include <torch/torch.h>

#include <cmath>

#include "../named.h"
#include "base/error.h"
#include "flow_samplers.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

enum class Form { sigma, sbdm, linear };

class FlowSde final : public Sampler {
 public:
  FlowSde(const FlowKind& kind, std::vector<double> grid, double last_step, Form form)
      : flow_(kind), path_(kind.path), grid_(std::move(grid)), last_step_(last_step), form_(form) {}
  std::vector<double> times() const override { return grid_; }
  bool stochastic() const override { return true; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::size_t i = 0; i < grid_.size(); ++i) {
      const double t = grid_[i];
      const bool last = i + 1 == grid_.size();
      const double h = last ? last_step_ : grid_[i + 1] - t, w = weight(t);
      const Tensor output = along.model(x, t), times = torch::full({x.size(0)}, t, x.options().dtype(torch::kFloat64));
      x = x + h * (flow_.drift(output, x, times) + w * flow_.score(output, x, times));
      if (!last) x = x + std::sqrt(2 * w * h) * along.noise(static_cast<std::int64_t>(i));
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  double weight(double t) const {
    if (form_ == Form::linear) return 1 - t;
    const Coefficients c = coefficients(path_, torch::tensor(t, torch::kFloat64));
    if (form_ == Form::sigma) return c.sigma.item<double>();
    // As much as leaves the noise of the path as it is: sigma^2 alpha'/alpha - sigma sigma'.
    return (c.sigma * c.sigma * c.d_alpha / c.alpha - c.sigma * c.d_sigma).item<double>();
  }

  Flow flow_;
  Path path_;
  std::vector<double> grid_;
  double last_step_;
  Form form_;
};

}  // namespace

std::unique_ptr<Sampler> flow_sde(const FlowKind& kind, const SamplingSpec& spec) {
  const Form form = named<Form>("diffusion", spec.diffusion.empty() ? "sigma" : spec.diffusion,
                                {{"sigma", Form::sigma}, {"sbdm", Form::sbdm}, {"linear", Form::linear}});
  // Where the weight or the score is infinite at noise: SiT's sample_eps, which its code forgets for sbdm of a
  // velocity.
  const bool kept_away = kind.path != Path::vp && (kind.prediction != Prediction::velocity || form == Form::sbdm);
  const double last_step = spec.last_step.value_or(0.04), begin = kept_away ? 1e-3 : 0;
  return std::make_unique<FlowSde>(kind, even_grid(begin, 1 - last_step, spec.steps), last_step, form);
}

}  // namespace dydit::diffusion
