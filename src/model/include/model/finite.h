// SPDX-License-Identifier: Apache-2.0
// Values that are not finite: those of a model that diverged, or that overflows in its type of numbers.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace dydit::model {

/// The places of the tensors that hold a NaN or an infinity, ascending; undefined ones hold none. Takes one
/// pass over memory and no copy: only a tensor whose sum is not finite is looked at value by value. On a GPU
/// the host waits once.
std::vector<std::size_t> not_finite(const std::vector<torch::Tensor>& tensors);

/// Throws NotFinite where a model's output holds a NaN or an infinity.
void require_finite_output(const torch::Tensor& output);

/// Why values are not finite, for the line of an error.
inline constexpr const char* not_finite_reason = "the model has diverged, or overflows in this type of numbers";

}  // namespace dydit::model
