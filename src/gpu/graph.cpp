// SPDX-License-Identifier: Apache-2.0
#include "gpu/graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/torch.h>

#include "instrument/memory.h"

namespace dydit::gpu {

using torch::Tensor;

class GraphMemory {
 public:
  at::cuda::MempoolId_t pool = at::cuda::graph_pool_handle();
};

std::shared_ptr<GraphMemory> graph_memory() { return std::make_shared<GraphMemory>(); }

struct Graph::State {
  std::vector<Tensor> inputs, outputs;
  std::shared_ptr<GraphMemory> memory;
  at::cuda::CUDAGraph graph;
  std::int64_t bytes = 0;  // the most that its work has at once
};

Graph::Graph(std::vector<Tensor> inputs, const std::shared_ptr<GraphMemory>& memory,
             const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& work)
    : state_(std::make_unique<State>()) {
  state_->memory = memory;
  for (Tensor& input : inputs) state_->inputs.push_back(input.defined() ? input.clone() : input);
  const auto current = c10::cuda::getCurrentCUDAStream();
  current.synchronize();
  const c10::cuda::CUDAStreamGuard guard(
      c10::cuda::getStreamFromPool(/*isHighPriority=*/false, current.device_index()));
  // Other threads may do as they like: CUPTI's do.
  state_->graph.capture_begin(memory->pool, cudaStreamCaptureModeThreadLocal);
  try {
    state_->bytes = instrument::allocated_by([&] { state_->outputs = work(state_->inputs); }).peak_bytes;
  } catch (...) {
    state_->outputs.clear();
    try {
      state_->graph.capture_end();
    } catch (...) {  // what went wrong is what is told
    }
    throw;
  }
  state_->graph.capture_end();
}

Graph::~Graph() = default;

std::vector<Tensor> Graph::run(const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined()) state_->inputs[i].copy_(inputs[i], /*non_blocking=*/true);
  // Whoever counts memory is told of the graph's as of what is allocated and freed.
  const auto current = c10::cuda::getCurrentCUDAStream();
  for (const std::int64_t bytes : {state_->bytes, -state_->bytes})
    c10::reportMemoryUsageToProfiler(nullptr, bytes, 0, 0, current.device());
  state_->graph.replay();
  std::vector<Tensor> outputs;
  for (const Tensor& output : state_->outputs) outputs.push_back(output.defined() ? output.clone() : output);
  return outputs;
}

}  // namespace dydit::gpu
