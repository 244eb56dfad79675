// SPDX-License-Identifier: Apache-2.0
// What feeds the models: noise, decoding, opening a checkpoint.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "data/loader.h"

namespace {

using namespace dydit;

void normal_noise(benchmark::State& state) {
  std::vector<float> noise(static_cast<std::size_t>(state.range(0)));
  std::uint64_t image = 0;
  for ([[maybe_unused]] auto _ : state) {
    Random(0, Purpose::noise, image++).fill_normal(noise);
    benchmark::DoNotOptimize(noise.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decode(benchmark::State& state) {
  const std::shared_ptr<const data::Dataset> images =
      data::open_dataset(DYDIT_PROFILES "/data/cifar10-sample.zip", {.size = 32});
  for ([[maybe_unused]] auto _ : state) {
    data::Loader loader(images, {.batch = 100, .threads = static_cast<int>(state.range(0))});
    for (data::Batch batch; loader.next(batch);) benchmark::DoNotOptimize(batch.images.data());
  }
  state.SetItemsProcessed(state.iterations() * images->size());
}

void open_checkpoint(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(checkpoint::open_checkpoint(DYDIT_PROFILES "/pretrained/large.safetensors"));
}

BENCHMARK(normal_noise)->ArgName("values")->Arg(3 * 32 * 32);
BENCHMARK(decode)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(open_checkpoint)->Unit(benchmark::kMicrosecond);

}  // namespace
