// SPDX-License-Identifier: Apache-2.0
// Dormand & Prince's pair of orders 5 and 4 with step size control (Hairer, Norsett & Wanner, II.4 and II.5; constants
// of the control as in torchdiffeq, which SiT samples by). The last step ends at the end: no model is asked beyond it.
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "flow_samplers.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

constexpr std::size_t stages = 7;
constexpr std::array<double, stages> stage_at{0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
constexpr std::array<std::array<double, 6>, stages> stage_weights{
    {{},
     {1.0 / 5},
     {3.0 / 40, 9.0 / 40},
     {44.0 / 45, -56.0 / 15, 32.0 / 9},
     {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
     {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
     {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}}};  // of the result itself
/// Order 5 minus order 4.
constexpr std::array<double, stages> error_weights{71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                                   -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

class Dopri5 final : public Sampler {
 public:
  Dopri5(const Flow& flow, const Bounds<double>& times, double atol, double rtol)
      : flow_(flow), times_(times), atol_(atol), rtol_(rtol) {}
  std::vector<double> times() const override { return {times_.least, times_.most}; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    double t = times_.least;
    std::array<Tensor, stages> slopes;
    slopes[0] = drift_at(flow_, along.model, x, t);
    double h = first_step(x, slopes[0], along.model);
    for (std::int64_t step = 0; t < times_.most;) {
      const Range range("step", step);
      constexpr double least = 1e-7;  // below it a step is rounding alone
      if (!(h > least))
        throw RunError("the steps of dopri5 became too small", fmt::format("t = {:.6g}", t), "raise atol or rtol");
      const bool last = t + h >= times_.most - least;
      if (last) h = times_.most - t;
      Tensor y = x;
      for (std::size_t s = 1; s < stages; ++s) {
        y = x;
        for (std::size_t k = 0; k < s; ++k)
          if (stage_weights[s][k] != 0) y = y + h * stage_weights[s][k] * slopes[k];
        slopes[s] = drift_at(flow_, along.model, y, last && stage_at[s] == 1 ? times_.most : t + stage_at[s] * h);
      }
      Tensor error = torch::zeros_like(x);
      for (std::size_t s = 0; s < stages; ++s) error = error + h * error_weights[s] * slopes[s];
      const double ratio = worst(error / (atol_ + rtol_ * torch::max(x.abs(), y.abs())));
      if (!std::isfinite(ratio))
        throw NotFinite("the estimated error of dopri5 is not finite", fmt::format("t = {:.6g}", t));
      if (ratio <= 1) {
        t = last ? times_.most : t + h;
        x = y;
        slopes[0] = slopes[stages - 1];  // of the same x and t
        if (along.after) along.after(step++, x);
      }
      h *= ratio == 0 ? 10 : std::clamp(0.9 * std::pow(ratio, -0.2), ratio < 1 ? 1.0 : 0.2, 10.0);
    }
    return x;
  }

 private:
  /// Root mean square of an image, of the worst one.
  static double worst(const Tensor& of) { return of.flatten(1).square().mean(1).max().sqrt().item<double>(); }

  /// Hairer, Norsett & Wanner, II.4, "starting step size".
  double first_step(const Tensor& x, const Tensor& slope, const Denoiser& model) const {
    const Tensor scale = atol_ + rtol_ * x.abs();
    const double size = worst(x / scale), speed = worst(slope / scale);
    double h = size < 1e-5 || speed < 1e-5 ? 1e-6 : 0.01 * size / speed;
    h = std::min(h, times_.most - times_.least);
    const Tensor next = drift_at(flow_, model, x + h * slope, times_.least + h);
    const double bend = worst((next - slope) / scale) / h, larger = std::max(speed, bend);
    if (!std::isfinite(speed + bend))
      throw NotFinite("what dopri5's first step is chosen by is not finite", fmt::format("t = {:.6g}", times_.least));
    return std::min(100 * h, larger <= 1e-15 ? std::max(1e-6, 1e-3 * h) : std::pow(0.01 / larger, 0.2));
  }

  Flow flow_;
  Bounds<double> times_;
  double atol_, rtol_;
};

}  // namespace

std::unique_ptr<Sampler> dopri5(const Flow& flow, const Bounds<double>& times, double atol, double rtol) {
  return std::make_unique<Dopri5>(flow, times, atol, rtol);
}

}  // namespace dydit::diffusion
