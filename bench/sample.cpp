// SPDX-License-Identifier: Apache-2.0
// Guided DDIM sampling into a run directory, from noise to the .npz, beside the forward passes that it cannot do
// without: items per second are images x steps in both, so their ratio is what sampling takes beyond its passes.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "dit/engines.h"
#include "sample/sample.h"

namespace {

using namespace dydit;

constexpr std::int64_t steps = 10, batch = 4;

// A model in pixel space, with weights as a trained one could have them.
std::shared_ptr<model::Network> network_of(const std::string& name) {
  dit::Configuration configuration = dit::published(name);
  configuration.in_channels = 3;
  configuration.num_classes = 10;
  auto network = dit::DiT(configuration);
  network->randomise(0);
  network->eval();
  return network.ptr();
}

// Both halves in one batch.
void forward(benchmark::State& state, const std::string& name) {
  torch::InferenceMode inference;
  const auto network = network_of(name);
  const auto& of = network->architecture;
  const torch::Tensor x = torch::randn({2 * batch, of.channels, of.side, of.side}),
                      y = torch::zeros({2 * batch}, torch::kInt64);
  for ([[maybe_unused]] auto _ : state)
    for (std::int64_t step = 0; step < steps; ++step)
      benchmark::DoNotOptimize(network->complete({x, torch::full({2 * batch}, 100 * step, torch::kInt64), y}));
  state.SetItemsProcessed(state.iterations() * batch * steps);
}

void sample_images(benchmark::State& state, const std::string& name) {
  torch::InferenceMode inference;
  const auto network = network_of(name);
  const auto& of = network->architecture;
  const diffusion::SamplingSpec spec{.steps = steps, .cfg_scale = 1.5};
  const diffusion::ProcessSpec process;
  const engine::Family family = dit::family();
  const std::shared_ptr sampler = diffusion::sampler_of(spec, process, of.learns_sigma);
  const sample::Job job{
      .setting = {.model = sample::model_of(*network, family.engine_that(engine::Executes::all).make(network, {}), {},
                                            process, sampler->times(), torch::kCPU),
                  .sampler = sampler,
                  .guidance = spec.guidance(),
                  .shape = {of.channels, of.side, of.side}},
      .images = batch,
      .batch = batch,
      .quiet = true};
  const auto folder = std::filesystem::temp_directory_path() / ("dydit-bench-" + std::to_string(::getpid()));
  std::int64_t run = 0;
  for ([[maybe_unused]] auto _ : state) {
    record::RunDirectory directory(folder / std::to_string(run++), {{"identity", name}});
    sample::sample(job, &directory);
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations() * batch * steps);
}

void add(const std::string& name, const std::string& model, void (*run)(benchmark::State&, const std::string&)) {
  benchmark::RegisterBenchmark((name + "/model:S-" + model.back()).c_str(),
                               [=](benchmark::State& state) { run(state, model); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool registered = [] {
  for (const char* model : {"DiT-S/2", "DiT-S/4"}) {
    add("sample/forward", model, forward);
    add("sample/images", model, sample_images);
  }
  return true;
}();

}  // namespace
