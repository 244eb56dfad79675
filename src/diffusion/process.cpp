// SPDX-License-Identifier: Apache-2.0
#include "diffusion/process.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "diffusion/flow.h"
#include "diffusion/gaussian.h"
#include "named.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

class Diffusion final : public Process {
 public:
  Diffusion(const std::string& schedule, bool learn_sigma, torch::Device device)
      : tables_(betas(noise_schedule(schedule), diffusion_steps)),
        gaussian_(tables_, learn_sigma ? Variance::learned_range : Variance::fixed_large, device) {}

  Tensor times(const std::vector<double>& t) const override {
    return torch::tensor(t, torch::kFloat64).to(torch::kInt64);
  }
  std::vector<double> even_times(std::int64_t count) const override {
    const auto timesteps = even_timesteps(diffusion_steps, count);
    return {timesteps.begin(), timesteps.end()};
  }
  double drawn_time(Random& random, std::int64_t stratum, std::int64_t strata) const override {
    const std::int64_t first = stratum * diffusion_steps / strata, end = (stratum + 1) * diffusion_steps / strata;
    const auto within = random.below(static_cast<std::uint64_t>(end - first));
    return static_cast<double>(first + static_cast<std::int64_t>(within));
  }
  void require_time(double t, const std::string& where) const override {
    if (!(t == std::trunc(t))) throw UsageError("not a whole number", where, bounds::timestep.remedy());
    if (!(t >= 0 && t < diffusion_steps)) throw UsageError("value out of range", where, bounds::timestep.remedy());
  }
  std::int64_t draw_of(double t, std::int64_t draw) const override {
    return draw * diffusion_steps + static_cast<std::int64_t>(t);
  }
  double log_snr(double t) const override {
    const auto at = static_cast<std::size_t>(t);
    return std::log(tables_.alphas_cumprod.at(at)) - tables_.log_one_minus_alphas_cumprod.at(at);
  }
  double epsilon_factor(double) const override { return 1; }
  bool has_vb() const override { return true; }

  Tensor noised(const Tensor& x, const Tensor& noise, const Tensor& t) const override {
    return gaussian_.q_sample(x, t, noise);
  }
  LossTerms loss_terms(const Tensor& output, const Tensor& x, const Tensor& x_t, const Tensor& t,
                       const Tensor& noise) const override {
    return gaussian_.loss_terms(output, x, x_t, t, noise);
  }

 private:
  Tables tables_;
  GaussianDiffusion gaussian_;
};

class FlowMatching final : public Process {
 public:
  explicit FlowMatching(const ProcessSpec& spec) : spec_(spec), flow_(flow_of(spec)) {}

  Tensor times(const std::vector<double>& t) const override { return torch::tensor(t, torch::kFloat32); }
  std::vector<double> even_times(std::int64_t count) const override {
    bounds::timesteps.require(count, "times " + std::to_string(count));
    std::vector<double> out;
    for (std::int64_t k = 0; k < count; ++k) out.push_back((static_cast<double>(k) + 0.5) / static_cast<double>(count));
    return out;
  }
  double drawn_time(Random& random, std::int64_t stratum, std::int64_t strata) const override {
    const auto trained = flow_.training_times();
    const double part = (static_cast<double>(stratum) + random.uniform()) / static_cast<double>(strata);
    return trained.least + part * (trained.most - trained.least);
  }
  void require_time(double t, const std::string& where) const override {
    const auto finite = flow_.finite_times();
    if (finite.contain(static_cast<float>(t))) return;  // as the model takes it
    std::string remedy = finite.remedy();
    if (finite.least_excluded || finite.most_excluded)
      remedy += fmt::format(": with prediction {}, formulas of the {} path are infinite at the end left out",
                            spec_.prediction, spec_.path);
    throw UsageError("value out of range", where, remedy);
  }
  // Bit 42, then 20 bits of the draw, then the time in steps of 2^-21.
  std::int64_t draw_of(double t, std::int64_t draw) const override {
    return (std::int64_t{1} << 42) + (draw << 22) + std::llround(t * 0x1p21);
  }
  double log_snr(double t) const override { return flow_.log_snr(t); }
  double epsilon_factor(double t) const override { return flow_.epsilon_factor(t); }
  bool has_vb() const override { return false; }

  Tensor noised(const Tensor& x, const Tensor& noise, const Tensor& t) const override { return flow_.x_t(x, noise, t); }
  LossTerms loss_terms(const Tensor& output, const Tensor& x, const Tensor&, const Tensor& t,
                       const Tensor& noise) const override {
    return flow_.loss_terms(output, x, noise, t);
  }

 private:
  ProcessSpec spec_;
  Flow flow_;
};

}  // namespace

std::unique_ptr<Process> process_of(const ProcessSpec& spec, bool learn_sigma, torch::Device device) {
  if (is_flow(spec.name)) return std::make_unique<FlowMatching>(spec);
  return std::make_unique<Diffusion>(spec.noise_schedule, learn_sigma, device);
}

}  // namespace dydit::diffusion
