// SPDX-License-Identifier: Apache-2.0
// What a training minimises, and how it is judged.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "model/dit.h"
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
  virtual std::map<std::string, double> judge(model::DiT& average, const HeldOut& held_out,
                                              std::int64_t steps) const = 0;
};

/// Adds the gradients of the complete model's loss on these images, a part of the job's batch; gives its
/// terms.
diffusion::LossTerms complete_backward(const Job& job, model::DiT& dit,
                                       const diffusion::GaussianDiffusion& diffusion, const Inputs& in);

/// The loss of DiT: epsilon mse plus variational term.
std::unique_ptr<Objective> dense_objective(const Job& job, const diffusion::GaussianDiffusion& diffusion);

/// That loss of the dynamic model, and the squared distance of its MACs from their target; in stage 1 the
/// loss of the complete model besides.
std::unique_ptr<Objective> dynamic_objective(const Job& job, const diffusion::GaussianDiffusion& diffusion);

}  // namespace dydit::train
