// SPDX-License-Identifier: Apache-2.0
#include "sample/denoiser.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/interrupt.h"

namespace dydit::sample {

using torch::Tensor;

Model model_of(const model::Network& network, std::shared_ptr<engine::Engine> engine,
               const std::optional<cache::CacheSpec>& cache, const diffusion::ProcessSpec& process,
               const std::vector<double>& times, torch::Device device) {
  const model::Architecture& of = network.architecture;
  Model model{std::move(engine), diffusion::process_of(process, of.learns_sigma, device), of.classes,
              std::ssize(times)};
  if (cache) model.engine = model.cached = cache::cached(std::move(model.engine), *cache, of);
  model.begin();  // a schedule that does not fit is told before anything is written
  model.engine->plan(model.process->times(times).to(device));
  return model;
}

std::optional<cache::CacheSpec> cache_of(const std::string& text, const diffusion::SamplerRow& sampler) {
  const auto cache = cache::cache_named(text, "--cache");
  if (cache && sampler.adaptive)
    throw UsageError("a cache has to know its passes", "--cache " + text,
                     fmt::format("leave it out, or choose another sampler than {}", sampler.name));
  return cache;
}

diffusion::Denoiser denoiser_of(const Model& model, const diffusion::Guidance& guidance, const Tensor& y) {
  model.begin();
  const Tensor both = torch::cat({y, torch::full_like(y, model.classes)});
  return diffusion::guided(guidance, [model, y, both](const Tensor& x, double time, bool halves) {
    stop_if_interrupted("before the end of a trajectory");
    const Tensor one = model.process->times({time}), t = one.to(x.device()).expand({x.size(0)});
    return model.engine->forward({x, t, halves ? both : y, one.item<double>()}).output.to(torch::kFloat32);
  });
}

}  // namespace dydit::sample
