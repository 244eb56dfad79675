// SPDX-License-Identifier: Apache-2.0
// A model with its weights, as everything outside its own folder runs it.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <optional>

#include "model/architecture.h"

namespace dydit::model {

/// What a forward pass reads: x (N,C,H,W), times (N) as the process has them, labels (N).
struct Inputs {
  torch::Tensor x, t, y;
  std::optional<double> time = {};  ///< of all images, where who asks knows it: then nobody asks a GPU for t
};

class Network : public torch::nn::Module {
 public:
  explicit Network(model::Architecture of) : architecture(std::move(of)) {}

  /// The complete model, whatever its routers say: (N,C,H,W), or (N,2C,H,W) where sigma is learned.
  virtual torch::Tensor complete(const Inputs& in) = 0;
  /// The same model, its weights as memory was.
  virtual std::shared_ptr<Network> blank() const = 0;
  /// Weights as a trained model could have them, a pure function of the seed: none of them switches a part off.
  virtual void randomise(std::uint64_t seed) = 0;

  const model::Architecture architecture;
};

/// A copy with memory of its own, on the CPU in float32, in eval mode.
std::shared_ptr<Network> copy_of(const Network& network);

}  // namespace dydit::model
