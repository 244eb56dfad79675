// SPDX-License-Identifier: Apache-2.0
#include "sample/denoiser.h"

#include "base/interrupt.h"

namespace dydit::sample {

using torch::Tensor;

Model model_of(const model::Network& network, std::shared_ptr<engine::Engine> engine,
               const diffusion::ProcessSpec& process, const std::vector<double>& times, torch::Device device) {
  const model::Architecture& of = network.architecture;
  Model model{std::move(engine), diffusion::process_of(process, of.learns_sigma, device), of.classes};
  model.engine->plan(model.process->times(times).to(device));
  return model;
}

diffusion::Denoiser denoiser_of(const Model& model, const diffusion::Guidance& guidance, const Tensor& y) {
  const Tensor both = torch::cat({y, torch::full_like(y, model.classes)});
  return diffusion::guided(guidance, [model, y, both](const Tensor& x, double time, bool halves) {
    stop_if_interrupted("before the end of a trajectory");
    const Tensor t = model.process->times({time}).to(x.device()).expand({x.size(0)});
    return model.engine->forward({x, t, halves ? both : y}).output.to(torch::kFloat32);
  });
}

}  // namespace dydit::sample
