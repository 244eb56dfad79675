// SPDX-License-Identifier: Apache-2.0
// Between tensors on disk and those of LibTorch.
#pragma once

#include <torch/nn/module.h>

#include <string>

#include "checkpoint/tensor.h"

namespace dydit::model {

/// A LibTorch tensor over the same bytes (kept alive by it).
torch::Tensor to_torch(const checkpoint::Tensor& tensor);
/// The bytes of a contiguous CPU tensor (kept alive); other tensors are copied first.
checkpoint::Tensor from_torch(const torch::Tensor& tensor);

/// Copies `tensors` into the parameters of the same name, converting the type. Throws InputError naming
/// every missing, unexpected and wrongly shaped key, or the first tensor with a value that is not finite in the
/// parameter's type (`where` names the file).
void load_parameters(torch::nn::Module& module, const checkpoint::Tensors& tensors, const std::string& where);

/// All parameters by name, with `prefix` before it; on the CPU.
checkpoint::Tensors parameters_of(const torch::nn::Module& module, const std::string& prefix = "");

/// Throws InputError, `what`: `where`, naming the first parameter that is not finite and counting the others.
void require_finite_parameters(const torch::nn::Module& module, const std::string& what, const std::string& where);

}  // namespace dydit::model
