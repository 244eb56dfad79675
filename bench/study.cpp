// SPDX-License-Identifier: Apache-2.0
// The loss-gap study, from the images on disk to its records, beside the forward passes that it cannot do
// without: items per second are images x timesteps in both, so their ratio is the study's efficiency.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "data/views.h"
#include "dit/engines.h"
#include "dit/weights.h"
#include "study/row.h"

namespace {

using namespace dydit;

constexpr std::int64_t images = 100;
const std::vector<double> timesteps{20, 200, 400, 800};

study::Model load(const std::string& name) {
  static const engine::Family family = dit::family();
  const auto network = dit::load_dit(std::string(DYDIT_PROFILES "/pretrained/") + name + ".safetensors").ptr();
  const engine::Row& dense = family.engine_that(engine::Executes::all);
  return {.name = name,
          .hash = name,
          .network = network,
          .family = &family,
          .engine_name = dense.name,
          .engine = dense.make(network, {})};
}

void forward(benchmark::State& state, const std::string& name) {
  torch::InferenceMode inference;
  study::Model model = load(name);
  const auto& of = model.network->architecture;
  const torch::Tensor x = torch::randn({images, of.channels, of.side, of.side});
  const torch::Tensor y = torch::zeros({images}, torch::kInt64);
  for ([[maybe_unused]] auto _ : state)
    for (const double t : timesteps)
      benchmark::DoNotOptimize(model.network->complete({x, torch::full({images}, t, torch::kInt64), y}));
  state.SetItemsProcessed(state.iterations() * images * static_cast<std::int64_t>(timesteps.size()));
}

void loss_gap(benchmark::State& state, const std::string& name) {
  std::vector<study::Model> models{load(name)};
  const std::shared_ptr<const data::Dataset> whole =
      data::open_dataset(DYDIT_PROFILES "/data/cifar10-sample.zip", {.size = 32});
  const auto subset = std::make_shared<const data::Subset>(whole, images);
  const auto folder = std::filesystem::temp_directory_path() / ("dydit-bench-" + std::to_string(::getpid()));
  std::int64_t run = 0;
  for ([[maybe_unused]] auto _ : state) {
    record::RunDirectory directory(folder / std::to_string(run++), {{"identity", name}});
    study::run_study(study::loss_gap(), {}, models, subset, {.times = timesteps, .chunk = images, .quiet = true},
                     &directory);
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations() * images * static_cast<std::int64_t>(timesteps.size()));
}

BENCHMARK_CAPTURE(forward, small, "small")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(loss_gap, small, "small")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, large, "large")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(loss_gap, large, "large")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
