// SPDX-License-Identifier: Apache-2.0
// A model as samplers ask it: an engine that runs it, with labels, guidance and a feature cache.
#pragma once

#include <memory>
#include <vector>

#include "cache/cached.h"
#include "diffusion/process.h"
#include "diffusion/sampling.h"

namespace dydit::sample {

struct Model {
  std::shared_ptr<engine::Engine> engine;
  std::shared_ptr<const diffusion::Process> process;
  std::int64_t classes = 0;                    ///< labels 0 ... classes - 1; `classes` is "none"
  std::int64_t passes = 0;                     ///< of a trajectory
  std::shared_ptr<cache::Cached> cached = {};  ///< the engine, where it has a cache

  /// A trajectory begins.
  void begin() const { engine->begin(passes); }
};

/// The network run by that engine, which is planned once for the times of a sampler. Throws UsageError for a cache that
/// does not fit the model or so many passes.
Model model_of(const model::Network& network, std::shared_ptr<engine::Engine> engine,
               const std::optional<cache::CacheSpec>& cache, const diffusion::ProcessSpec& process,
               const std::vector<double>& times, torch::Device device);

/// The cache of that name (cache::cache_named). Throws UsageError naming --cache, also where the sampler chooses its
/// times itself: a cache has to know its passes.
std::optional<cache::CacheSpec> cache_of(const std::string& text, const diffusion::SamplerRow& sampler);

/// What the model says of images with labels y (N), guided, in a trajectory that begins now. Asked for an output after
/// the user has interrupted, it throws Interrupted; NotFinite as the engine does.
diffusion::Denoiser denoiser_of(const Model& model, const diffusion::Guidance& guidance, const torch::Tensor& y);

}  // namespace dydit::sample
