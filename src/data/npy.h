// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, versions 1 and 2 (NEP 1): magic, version, header length, a Python dict as text,
// little-endian row-major elements.
#pragma once

#include <filesystem>

#include "checkpoint/tensor.h"

namespace dydit::data {

/// Types '<f4', '<f2', '<i8', '<i4', '<i2', '|i1' and '|u1'. Throws InputError for another type, Fortran
/// order, a shape that disagrees with the file's size, and anything else unexpected.
checkpoint::Tensor read_npy(const std::filesystem::path& path);

}  // namespace dydit::data
