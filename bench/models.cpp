// SPDX-License-Identifier: Apache-2.0
// Forward passes and training steps of the complete models.
#include "subject.h"
#include "suites.h"
#include "train/autocast.h"
#include "train/optimiser.h"

namespace dydit::bench {

namespace {

void forward(State& state, const Subject& subject) {
  const torch::InferenceMode inference;
  dit::DiT dit = subject.network("DiT");
  const model::Inputs in = subject.inputs(dit);
  time(state, subject.device, [&] { benchmark::DoNotOptimize(dit->complete(in)); });
  count_items(state, subject.batch);
  count_macs(state, macs_of_pass(dit, subject.batch));
}

// Float32 weights, under autocast unless that is the type.
void train_step(State& state, const Subject& subject) {
  dit::DiT dit = subject.trainable("DiT");
  train::AdamW optimiser(*dit, /*weight_decay=*/0, /*gradient_clip=*/0);
  const model::Inputs in = subject.inputs(dit);
  time(state, subject.device, [&] {
    torch::Tensor loss;
    {
      const train::Autocast scope(subject.device, subject.dtype != torch::kFloat32);
      loss = dit->complete(in).to(torch::kFloat32).square().mean();
    }
    loss.backward();
    optimiser.step(1e-4);
  });
  count_items(state, subject.batch);
  count_macs(state, 3 * macs_of_pass(dit, subject.batch));
}

}  // namespace

void add_models() {
  for (const Subject& subject : subjects({torch::kFloat32, torch::kBFloat16}))
    add("forward", subject.axes(), [=](State& state) { forward(state, subject); });
  for (const Subject& subject : subjects())
    add("train_step", subject.axes(), [=](State& state) { train_step(state, subject); });
}

}  // namespace dydit::bench
