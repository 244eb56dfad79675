// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <vector>

namespace dydit::gpu {

/// Work that was captured once and is launched as one graph of kernels from then on. Its memory is shared with that of
/// all graphs of one `GraphMemory`, so that they must not run beside one another.
class GraphMemory;
std::shared_ptr<GraphMemory> graph_memory();

class Graph {
 public:
  /// Captures `work` on `inputs`, copies of what is given here, that has run before on such inputs (kernels are loaded,
  /// shapes measured). An undefined one stays so.
  Graph(std::vector<torch::Tensor> inputs, const std::shared_ptr<GraphMemory>& memory,
        const std::function<std::vector<torch::Tensor>(const std::vector<torch::Tensor>& inputs)>& work);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// The work on other inputs of the same shapes, on the current stream; outputs are copies.
  std::vector<torch::Tensor> run(const std::vector<torch::Tensor>& inputs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dydit::gpu
