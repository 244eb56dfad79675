// SPDX-License-Identifier: Apache-2.0
// A model in training as the threads of the CPU share its batches (model/shares.h): each takes its images forward and
// backward through a replica, which has the model's weights and gradients of its own.
#pragma once

#include <functional>
#include <vector>

#include "dit/dit.h"
#include "model/shares.h"
#include "train/held_out.h"

namespace dydit::train {

class Replicas {
 public:
  /// `images`: of a batch of this process.
  Replicas(const dit::DiT& dit, std::int64_t images, torch::Device device);

  std::size_t size() const { return shares_.size(); }
  /// Does `work` for every share of the batch, with the share's number, replica and inputs.
  void in_shares(const Inputs& in, const std::function<void(std::size_t, dit::DiT&, const Inputs&)>& work);
  /// Adds the gradients of all replicas to those of the model, in their order.
  void sum_gradients();

 private:
  std::vector<model::Share> shares_;
  std::vector<dit::DiT> dits_;  // the model itself comes first
};

}  // namespace dydit::train
