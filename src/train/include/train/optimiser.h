// SPDX-License-Identifier: Apache-2.0
// AdamW (Loshchilov & Hutter 2019; betas 0.9 and 0.999, eps 1e-8) with gradient clipping, through
// LibTorch's fused kernel, which its C++ front end does not offer.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "checkpoint/tensor.h"

namespace dydit::train {

class AdamW {
 public:
  /// Takes the parameters that require a gradient.
  AdamW(const torch::nn::Module& module, double weight_decay, double gradient_clip);

  std::vector<torch::Tensor> gradients() const;
  /// Moments and steps, for all processes to begin alike.
  std::vector<torch::Tensor> state() const;

  /// One step with the gradients at hand, then clears them.
  void step(double learning_rate);

  /// "opt.exp_avg.<name>", "opt.exp_avg_sq.<name>" and "opt.step", for exact resumption.
  void save(checkpoint::Tensors& tensors) const;
  /// Throws InputError when a tensor is missing, does not fit or is not finite.
  void load(const checkpoint::Tensors& tensors, const std::string& where);

 private:
  double weight_decay_, gradient_clip_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_, exp_avgs_, exp_avg_sqs_, steps_;
};

/// average <- decay * average + (1 - decay) * parameter, over all parameters with a gradient.
class MovingAverage {
 public:
  MovingAverage(const torch::nn::Module& average, const torch::nn::Module& module);
  void update(double decay);

 private:
  std::vector<torch::Tensor> averages_, parameters_;
};

}  // namespace dydit::train
