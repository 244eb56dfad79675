// SPDX-License-Identifier: Apache-2.0
// Guided DDIM sampling into a run directory, from noise to the .npz, beside the forward passes that it cannot do
// without: items per second are images x steps in both, so their ratio is what sampling takes beyond its passes.
#include "dit/engines.h"
#include "sample/sample.h"
#include "suite.h"
#include "suites.h"
#include "temporary_folder.h"

namespace dydit::bench {

namespace {

constexpr std::int64_t steps = 10, batch = 4;

// "S-2" in pixel space, with weights as a trained one could have them.
std::shared_ptr<model::Network> network_of(const std::string& name) {
  dit::Configuration configuration = dit::published("DiT-S/" + std::string(1, name.back()));
  configuration.in_channels = 3;
  configuration.num_classes = 10;
  auto network = dit::DiT(configuration);
  network->randomise(0);
  network->eval();
  return network.ptr();
}

// Both halves in one batch.
void forward(State& state, const std::string& name) {
  const torch::InferenceMode inference;
  const auto network = network_of(name);
  const auto& of = network->architecture;
  const torch::Tensor x = torch::randn({2 * batch, of.channels, of.side, of.side}),
                      y = torch::zeros({2 * batch}, torch::kInt64);
  time(state, torch::kCPU, [&] {
    for (std::int64_t step = 0; step < steps; ++step)
      benchmark::DoNotOptimize(network->complete({x, torch::full({2 * batch}, 100 * step, torch::kInt64), y}));
  });
  count_items(state, batch * steps);
}

void sample_images(State& state, const std::string& name) {
  const torch::InferenceMode inference;
  const auto network = network_of(name);
  const auto& of = network->architecture;
  const diffusion::SamplingSpec spec{.steps = steps, .cfg_scale = 1.5};
  const diffusion::ProcessSpec process;
  const engine::Family family = dit::family();
  const std::shared_ptr sampler = diffusion::sampler_of(spec, process, of.learns_sigma);
  const sample::Setting setting{
      .model = sample::model_of(*network, family.engine_that(engine::Executes::all).make(network, {}), {}, process,
                                sampler->times(), torch::kCPU),
      .sampler = sampler,
      .guidance = spec.guidance(),
      .shape = {of.channels, of.side, of.side}};
  const sample::Job job{.setting = setting, .images = batch, .batch = batch, .quiet = true};
  const test::TemporaryFolder folder;
  std::int64_t run = 0;
  time(state, torch::kCPU, [&] {
    record::RunDirectory directory(folder.path() / std::to_string(run++), {{"identity", name}});
    sample::sample(job, &directory);
  });
  count_items(state, batch * steps);
}

}  // namespace

void add_samplings() {
  for (const char* model : {"S-2", "S-4"})
    for (const auto& [work, run] : {std::make_pair("forward", forward), std::make_pair("images", sample_images)})
      add("sample", {device_axis(torch::kCPU), {"model", model}, {"batch", batch}, {"work", work}},
          [=, run = run](State& state) { run(state, model); });
}

}  // namespace dydit::bench
