// SPDX-License-Identifier: Apache-2.0
// Explicit Runge-Kutta methods with fixed steps (Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I,
// II.1).
#include <torch/torch.h>

#include "flow_samplers.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

/// A stage: at which part of the step, the weights of the slopes before it.
struct Stage {
  double at;
  std::vector<double> weights;
};
struct Method {
  std::vector<Stage> stages;
  std::vector<double> weights;
};

Method method_named(const std::string& name) {
  if (name == "euler") return {{{0, {}}}, {1}};
  if (name == "heun") return {{{0, {}}, {1, {1}}}, {0.5, 0.5}};
  return {{{0, {}}, {1.0 / 3, {1.0 / 3}}, {2.0 / 3, {-1.0 / 3, 1}}, {1, {1, -1, 1}}}, {0.125, 0.375, 0.375, 0.125}};
}

Tensor moved(Tensor x, double h, const std::vector<double>& weights, const std::vector<Tensor>& slopes) {
  for (std::size_t k = 0; k < weights.size(); ++k) x = x + h * weights[k] * slopes[k];
  return x;
}

class FlowOde final : public Sampler {
 public:
  FlowOde(const Flow& flow, std::vector<double> grid, Method method)
      : flow_(flow), method_(std::move(method)), grid_(std::move(grid)) {}

  std::vector<double> times() const override {
    std::vector<double> times;
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i)
      for (const Stage& stage : method_.stages) times.push_back(at(i, stage));
    return times;
  }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i) {
      const Range range("step", static_cast<std::int64_t>(i));
      const double h = grid_[i + 1] - grid_[i];
      std::vector<Tensor> slopes;
      for (const Stage& stage : method_.stages)
        slopes.push_back(drift_at(flow_, along.model, moved(x, h, stage.weights, slopes), at(i, stage)));
      x = moved(x, h, method_.weights, slopes);
      if (along.after) along.after(static_cast<std::int64_t>(i), x);
    }
    return x;
  }

 private:
  double at(std::size_t step, const Stage& stage) const {
    return stage.at == 1 ? grid_[step + 1] : grid_[step] + stage.at * (grid_[step + 1] - grid_[step]);
  }

  Flow flow_;
  Method method_;
  std::vector<double> grid_;
};

}  // namespace

Tensor drift_at(const Flow& flow, const Denoiser& model, const Tensor& x, double t) {
  return flow.drift(model(x, t), x, torch::full({x.size(0)}, t, x.options().dtype(torch::kFloat64)));
}

std::vector<double> even_grid(double begin, double end, std::int64_t points) {
  std::vector<double> grid;
  for (std::int64_t i = 0; i < points; ++i)
    grid.push_back(begin + (end - begin) * static_cast<double>(i) / static_cast<double>(points - 1));
  return grid;
}

Bounds<double> sampling_times(const Flow& flow) {
  // Training keeps the vp path 1e-5 from its end, sampling 1e-3.
  const auto trained = flow.training_times();
  return {trained.least, trained.most < 1 ? 1 - 1e-3 : 1};
}

std::unique_ptr<Sampler> flow_ode(const Flow& flow, const Bounds<double>& times, std::int64_t points,
                                  const std::string& method) {
  return std::make_unique<FlowOde>(flow, even_grid(times.least, times.most, points), method_named(method));
}

}  // namespace dydit::diffusion
