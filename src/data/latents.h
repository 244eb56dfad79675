// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor.h"
#include "data/dataset.h"

namespace dydit::data {

/// Throws InputError naming `name` unless the latents are f32, f16 or bf16.
void require_latents(const checkpoint::Tensor& latents, const std::string& name);

/// Sample `index` of latents (N,C,h,w), of which `shape` is (C,h,w), as float32 (exactly), mirrored
/// left-right for `flip`. Throws InputError naming the sample when a value is not finite.
void copy_latent(const checkpoint::Tensor& latents, std::int64_t index, const Shape& shape, bool flip,
                 const std::string& name, std::span<float> out);

/// The elements. Throws InputError naming `name` unless they are integers.
std::vector<std::int64_t> labels_of(const checkpoint::Tensor& labels, const std::string& name);

}  // namespace dydit::data
