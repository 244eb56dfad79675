// SPDX-License-Identifier: Apache-2.0
// The models that suites time, at the sizes that suit a device.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dit/dit.h"
#include "engine/engine.h"
#include "suite.h"

namespace dydit::bench {

/// A model of a published size and a batch for it.
struct Subject {
  torch::Device device;
  std::string model;  ///< "S-2"
  std::int64_t batch;
  torch::Dtype dtype;

  Axes axes(const Axes& further = {}) const;
  torch::TensorOptions options() const { return torch::TensorOptions().device(device).dtype(dtype); }
  /// With weights as a trained one could have them, in eval mode: "DiT", or "DyDiT" with routers. The last one is kept
  /// for who asks for the same again, and must stay as it is.
  dit::DiT network(const std::string& family) const;
  /// The same with weights of its own that may be changed, in float32.
  dit::DiT trainable(const std::string& family) const;
  model::Inputs inputs(const dit::DiT& dit) const;
  /// Masks that keep this share of the units of `which`: "widths", "tokens" or "both" (study/imposed.h).
  engine::Masks masks(const dit::DiT& dit, const std::string& which, double keep) const;
};

/// S-2, S-4 and B-4 in batches of 4 and 8 on the CPU, in these types; on a GPU S-2, B-2 and XL-2 in batches of 16 and
/// 64, in float32 and bfloat16.
std::vector<Subject> subjects(const std::vector<torch::Dtype>& of_cpu = {torch::kFloat32});

/// Multiply-accumulates of a forward pass of the complete model.
double macs_of_pass(const dit::DiT& dit, std::int64_t batch);

}  // namespace dydit::bench
