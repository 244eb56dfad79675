// SPDX-License-Identifier: Apache-2.0
// The model as a process that bench/peers times beside other implementations: it loads a checkpoint, then answers
// each line `N R` on stdin with the seconds that R repetitions of its work with N images took, on stdout. The work:
//   forward    forward pass, with weights of the given type
//   train      training step (forward, mean of the squared output, backward, AdamW): float32 weights, under bfloat16
//              autocast unless the type is float32
#include <torch/cuda.h>
#include <torch/types.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>

#include "base/error.h"
#include "base/memory.h"
#include "dit/weights.h"
#include "model/device.h"
#include "run/runner.h"
#include "train/autocast.h"
#include "train/optimiser.h"

namespace {

using namespace dydit;
using torch::Tensor;

struct Batch {
  Tensor x, t, y;
};

Batch batch(const dit::Configuration& c, std::int64_t n, torch::Device device, torch::Dtype dtype) {
  return {.x = torch::randn({n, c.in_channels, c.input_size, c.input_size}).to(device, dtype),
          .t = torch::randint(0, 1000, {n}, torch::kInt64).to(device),
          .y = torch::randint(0, c.num_classes, {n}, torch::kInt64).to(device)};
}

template <typename Repeat>
double seconds_of(torch::Device device, std::int64_t repetitions, const Repeat& repeat) {
  const auto synchronise = [&] {
    if (device.is_cuda()) torch::cuda::synchronize();
  };
  synchronise();
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < repetitions; ++i) repeat();
  synchronise();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

using Work = std::function<double(std::int64_t n, std::int64_t repetitions)>;

Work forward(dit::DiT dit, torch::Device device, torch::Dtype dtype) {
  return [=](std::int64_t n, std::int64_t repetitions) mutable {
    torch::InferenceMode inference;
    const Batch in = batch(dit->configuration, n, device, dtype);
    return seconds_of(device, repetitions, [&] { dit->forward(in.x, in.t, in.y); });
  };
}

Work training(dit::DiT dit, torch::Device device, bool autocast) {
  auto optimiser = std::make_shared<train::AdamW>(*dit, /*weight_decay=*/0, /*gradient_clip=*/0);
  return [=](std::int64_t n, std::int64_t repetitions) mutable {
    const Batch in = batch(dit->configuration, n, device, torch::kFloat32);
    return seconds_of(device, repetitions, [&] {
      Tensor loss;
      {
        const train::Autocast scope(device, autocast);
        loss = dit->forward(in.x, in.t, in.y).to(torch::kFloat32).square().mean();
      }
      loss.backward();
      optimiser->step(1e-4);
    });
  };
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 5 || (words[1] != "forward" && words[1] != "train"))
    throw UsageError("usage", "dydit_worker", "CHECKPOINT forward|train DEVICE DTYPE THREADS");
  prepare_memory();
  at::set_num_threads(std::stoi(words[4]));
  const bool trains = words[1] == "train";
  const torch::Device device = run::device_named(words[2]);
  const torch::Dtype dtype = model::dtype_named(words[3]);
  const dit::DiT dit =
      dit::load_dit(words[0], checkpoint::Weights::automatic, std::nullopt, device, trains ? torch::kFloat32 : dtype);
  const Work work = trains ? training(dit, device, dtype != torch::kFloat32) : forward(dit, device, dtype);
  for (std::int64_t n = 0, repetitions = 0; std::cin >> n >> repetitions;)
    std::cout << work(n, repetitions) << std::endl;
  return std::cin.eof() ? 0 : 2;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
