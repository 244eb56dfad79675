// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor.h"
#include "data/dataset.h"

namespace dydit::data {

/// NumPy's .npy files, versions 1 and 2 (NEP 1): magic, version, header length, a Python dict as text, little-endian
/// row-major elements of type '<f4', '<f2', '<i8', '<i4', '<i2', '|i1' or '|u1'. Throws InputError for another type,
/// Fortran order, a shape that disagrees with the file's size, and anything else unexpected.
checkpoint::Tensor read_npy(const std::filesystem::path& path);

/// Throws InputError naming `name` unless the latents are f32, f16 or bf16.
void require_latents(const checkpoint::Tensor& latents, const std::string& name);

/// Sample `index` of latents (N,C,h,w), of which `shape` is (C,h,w), as float32 (exactly), mirrored
/// left-right for `flip`. Throws InputError naming the sample when a value is not finite.
void copy_latent(const checkpoint::Tensor& latents, std::int64_t index, const Shape& shape, bool flip,
                 const std::string& name, std::span<float> out);

/// The elements. Throws InputError naming `name` unless they are integers.
std::vector<std::int64_t> labels_of(const checkpoint::Tensor& labels, const std::string& name);

}  // namespace dydit::data
