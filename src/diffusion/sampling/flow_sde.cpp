// SPDX-License-Identifier: Apache-2.0
// The reverse SDE of an interpolant (SiT, section 2.3 and 3.3; transport/integrators.py): dx = (v + w s) dt + sqrt(2 w)
// dW with the velocity v, the score s and any w(t) >= 0, by Euler and Maruyama or by Heun; a last step along the mean.
#include <torch/torch.h>

#include <cmath>

#include "../named.h"
#include "flow_samplers.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

enum class Form { sigma, sbdm, linear };

class FlowSde final : public Sampler {
 public:
  FlowSde(const FlowKind& kind, std::vector<double> grid, double last_step, Form form, bool heun)
      : flow_(kind), path_(kind.path), grid_(std::move(grid)), last_step_(last_step), form_(form), heun_(heun) {}
  std::vector<double> times() const override {
    if (!heun_) return grid_;
    std::vector<double> asked;  // at both ends of each step but the last
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i) asked.insert(asked.end(), {grid_[i], grid_[i + 1]});
    asked.push_back(grid_.back());
    return asked;
  }
  bool stochastic() const override { return true; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::size_t i = 0; i < grid_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const auto step = static_cast<std::int64_t>(i);
      const double t = grid_[i];
      if (i + 1 == grid_.size()) {
        x = x + last_step_ * slope(along, x, t);
      } else {
        const double h = grid_[i + 1] - t;
        const Tensor noise = std::sqrt(2 * weight(t) * h) * along.noise(step);
        x = heun_ ? trapezoid(along, x + noise, t, h) : x + h * slope(along, x, t) + noise;
      }
      if (along.after) along.after(step, x);
    }
    return x;
  }

 private:
  // v + w s
  Tensor slope(const Trajectory& along, const Tensor& x, double t) const {
    const Tensor output = along.model(x, t), times = torch::full({x.size(0)}, t, x.options().dtype(torch::kFloat64));
    return flow_.drift(output, x, times) + weight(t) * flow_.score(output, x, times);
  }

  Tensor trapezoid(const Trajectory& along, const Tensor& x, double t, double h) const {
    const Tensor first = slope(along, x, t);
    return x + h / 2 * (first + slope(along, x + h * first, t + h));
  }

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
  bool heun_;
};

}  // namespace

std::unique_ptr<Sampler> flow_sde(const FlowKind& kind, const SamplingSpec& spec) {
  const Form form = named<Form>("diffusion", spec.diffusion.empty() ? "sigma" : spec.diffusion,
                                {{"sigma", Form::sigma}, {"sbdm", Form::sbdm}, {"linear", Form::linear}});
  // Where the weight or the score is infinite at noise: SiT's sample_eps, which its code forgets for sbdm of a
  // velocity.
  const bool kept_away = kind.path != Path::vp && (kind.prediction != Prediction::velocity || form == Form::sbdm);
  const double last_step = spec.last_step.value_or(0.04), begin = kept_away ? 1e-3 : 0;
  return std::make_unique<FlowSde>(kind, even_grid(begin, 1 - last_step, spec.steps), last_step, form,
                                   /*heun=*/spec.method == "heun");
}

}  // namespace dydit::diffusion
