// SPDX-License-Identifier: Apache-2.0
// A model as samplers ask it: an engine that runs it, with labels and guidance.
#pragma once

#include <memory>
#include <vector>

#include "diffusion/process.h"
#include "diffusion/sampling.h"
#include "engine/engine.h"

namespace dydit::sample {

struct Model {
  std::shared_ptr<engine::Engine> engine;
  std::shared_ptr<const diffusion::Process> process;
  std::int64_t classes = 0;  ///< labels 0 ... classes - 1; `classes` is "none"
};

/// The network run by that engine, which is planned once for the times of a sampler.
Model model_of(const model::Network& network, std::shared_ptr<engine::Engine> engine,
               const diffusion::ProcessSpec& process, const std::vector<double>& times, torch::Device device);

/// What the model says of images with labels y (N), guided. Asked for an output after the user has interrupted, it
/// throws Interrupted; NotFinite as the engine does.
diffusion::Denoiser denoiser_of(const Model& model, const diffusion::Guidance& guidance, const torch::Tensor& y);

}  // namespace dydit::sample
