// SPDX-License-Identifier: Apache-2.0
// The loss-gap study, from the images on disk to its records, beside the forward passes that it cannot do
// without: items per second are images x timesteps in both, so their ratio is the study's efficiency.
#include "data/views.h"
#include "dit/engines.h"
#include "dit/weights.h"
#include "study/row.h"
#include "suite.h"
#include "suites.h"
#include "temporary_folder.h"

namespace dydit::bench {

namespace {

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

void forward(State& state, const std::string& name) {
  const torch::InferenceMode inference;
  study::Model model = load(name);
  const auto& of = model.network->architecture;
  const torch::Tensor x = torch::randn({images, of.channels, of.side, of.side});
  const torch::Tensor y = torch::zeros({images}, torch::kInt64);
  time(state, torch::kCPU, [&] {
    for (const double t : timesteps)
      benchmark::DoNotOptimize(model.network->complete({x, torch::full({images}, t, torch::kInt64), y}));
  });
  count_items(state, images * static_cast<std::int64_t>(timesteps.size()));
}

void loss_gap(State& state, const std::string& name) {
  std::vector<study::Model> models{load(name)};
  const std::shared_ptr<const data::Dataset> whole =
      data::open_dataset(DYDIT_PROFILES "/data/cifar10-sample.zip", {.size = 32});
  const auto subset = std::make_shared<const data::Subset>(whole, images);
  const test::TemporaryFolder folder;
  std::int64_t run = 0;
  time(state, torch::kCPU, [&] {
    record::RunDirectory directory(folder.path() / std::to_string(run++), {{"identity", name}});
    study::run_study(study::loss_gap(), {}, models, subset, {.times = timesteps, .chunk = images, .quiet = true},
                     &directory);
  });
  count_items(state, images * static_cast<std::int64_t>(timesteps.size()));
}

}  // namespace

void add_studies() {
  for (const char* model : {"small", "large"})
    for (const auto& [work, run] : {std::make_pair("forward", forward), std::make_pair("loss_gap", loss_gap)})
      add("study", {device_axis(torch::kCPU), {"model", model}, {"work", work}},
          [=, run = run](State& state) { run(state, model); });
}

}  // namespace dydit::bench
