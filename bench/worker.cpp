// SPDX-License-Identifier: Apache-2.0
// The model as a process that bench/peers times beside other implementations: it loads a checkpoint, then
// answers one request a line on stdin with the seconds that it took on stdout.
//   forward N R      R forward passes of N images
//   train N R        R training steps (forward, mean of the squared output, backward, AdamW) of N images
#include <fmt/format.h>
#include <torch/torch.h>

#include <chrono>
#include <iostream>
#include <sstream>

#include "base/memory.h"
#include "model/weights.h"
#include "train/optimiser.h"

namespace {

using namespace dydit;
using torch::Tensor;

struct Batch {
  Tensor x, t, y;
};

Batch batch(const model::Configuration& c, std::int64_t n) {
  return {.x = torch::randn({n, c.in_channels, c.input_size, c.input_size}),
          .t = torch::randint(0, 1000, {n}, torch::kInt64),
          .y = torch::randint(0, c.num_classes, {n}, torch::kInt64)};
}

template <typename Work>
double seconds_of(std::int64_t repetitions, const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < repetitions; ++i) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double forward(model::DiT& dit, std::int64_t n, std::int64_t repetitions) {
  torch::InferenceMode inference;
  const Batch in = batch(dit->configuration, n);
  return seconds_of(repetitions, [&] { dit->forward(in.x, in.t, in.y); });
}

double training(model::DiT& dit, train::AdamW& optimiser, std::int64_t n, std::int64_t repetitions) {
  const Batch in = batch(dit->configuration, n);
  return seconds_of(repetitions, [&] {
    dit->forward(in.x, in.t, in.y).square().mean().backward();
    optimiser.step(1e-4);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: dydit_worker CHECKPOINT THREADS\n";
    return 2;
  }
  keep_freed_memory();
  at::set_num_threads(std::stoi(argv[2]));
  model::DiT dit = model::load_dit(argv[1]);
  train::AdamW optimiser(*dit, /*weight_decay=*/0, /*gradient_clip=*/0);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string work;
    std::int64_t n = 0, repetitions = 0;
    words >> work >> n >> repetitions;
    double seconds = 0;
    if (work == "forward") seconds = forward(dit, n, repetitions);
    if (work == "train") seconds = training(dit, optimiser, n, repetitions);
    std::cout << seconds << std::endl;
  }
}
