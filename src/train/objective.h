// SPDX-License-Identifier: Apache-2.0
// What a training minimises, and how it is judged.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "dit/dit.h"
#include "replicas.h"
#include "train/held_out.h"
#include "train/train.h"

namespace dydit::train {

class Objective {
 public:
  virtual ~Objective() = default;
  /// Adds the gradients of these images, this process's part of the batch of step `step`, to those of the model; gives
  /// what they add to the batch's means of what is recorded (K), on the device.
  virtual torch::Tensor backward(Replicas& replicas, const Inputs& in, std::int64_t step) = 0;
  virtual std::int64_t recorded() const = 0;  ///< K
  /// Metrics of the steps [first, last), whose means sum to `sums` (K), float64.
  virtual std::map<std::string, double> metrics(const torch::Tensor& sums, std::int64_t first,
                                                std::int64_t last) const = 0;
  /// Metrics of the averaged weights on held-out images after `steps` steps.
  virtual std::map<std::string, double> judge(dit::DiT& average, const HeldOut& held_out, std::int64_t steps) const = 0;
};

/// Of the terms the sums over the images: mse, and vb or 0 where the process has none.
torch::Tensor sums_of(const diffusion::LossTerms& terms);
/// The means that are recorded, by name: "train_mse", and "train_vb" where the process has it.
std::map<std::string, double> train_losses(const torch::Tensor& means, const diffusion::Process& process);
/// Likewise "held_out_mse" and "held_out_vb".
std::map<std::string, double> held_out_losses(const HeldOutLoss& loss);

/// Adds the gradients of the complete model's loss on these images, a part of the job's batch; gives its
/// terms.
diffusion::LossTerms complete_backward(const Job& job, dit::DiT& dit, const diffusion::Process& process,
                                       const Inputs& in);

/// The loss of the process: of DiT epsilon mse plus variational term.
std::unique_ptr<Objective> dense_objective(const Job& job, const diffusion::Process& process);

/// That loss of the dynamic model, and the squared distance of its MACs from their target; in stage 1 the
/// loss of the complete model besides.
std::unique_ptr<Objective> dynamic_objective(const Job& job, const diffusion::Process& process);

}  // namespace dydit::train
