// SPDX-License-Identifier: Apache-2.0
// What it costs to collect what a GPU does, of forward passes that are launched call by call and of the replay of a
// graph that captured one: with nobody, with ranges, and with CUPTI.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "observed.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

instrument::GpuSession& session() {
  static auto& one = *new instrument::GpuSession;  // never destroyed: the driver may be gone before
  return one;
}

void observed_passes(State& state, const Subject& subject, const std::string& with, bool replayed) {
  const torch::InferenceMode inference;
  // A graph is captured in no default stream; what it reads is made in the same one.
  const c10::cuda::CUDAStreamGuard stream(
      c10::cuda::getStreamFromPool(/*isHighPriority=*/false, subject.device.index()));
  dit::DiT dit = subject.network("DiT");
  const model::Inputs in = subject.inputs(dit);
  torch::Tensor output;
  const auto pass = [&] { output = dit->complete(in); };
  warm_up(subject.device, pass);
  instrument::Collecting what{.operators = false, .work = false};
  if (with == "gpu") what.gpu = &session();
  const instrument::Collecting* const observer = with == "nobody" ? nullptr : &what;
  if (!replayed) return time_observed(state, subject.device, observer, pass);
  at::cuda::CUDAGraph graph;
  const auto capture = [&] {
    graph.capture_begin();
    pass();
    graph.capture_end();
  };
  if (observer == nullptr)
    capture();
  else
    instrument::collect(*observer, capture);  // so that its nodes are in ranges
  time_observed(state, subject.device, observer, [&] { graph.replay(); });
}

}  // namespace

void add_gpu_collectors() {
  for (const torch::Device device : devices()) {
    if (device.is_cpu()) continue;
    const Subject subject{device, "B-2", 16, torch::kBFloat16};
    for (const auto& [suite, replayed] : {std::pair{"collector/forward", false}, {"collector/replay", true}})
      for (const char* with : {"nobody", "ranges", "gpu"})
        add(suite, subject.axes({{"with", with}}),
            [=, replayed = replayed](State& state) { observed_passes(state, subject, with, replayed); });
  }
}

}  // namespace dydit::bench
