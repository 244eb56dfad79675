// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, versions 1 and 2 (NEP 1): magic, version, header length, a Python dict as text, little-endian
// row-major elements of type '<f8', '<f4', '<f2', '<i8', '<i4', '<i2', '|i1' or '|u1'.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor.h"

namespace dydit::data {

struct NpyHeader {
  checkpoint::DType type = checkpoint::DType::f32;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, bytes = 0;  ///< of the elements
};

/// So many bytes of a file hold any header that is read.
constexpr std::size_t npy_header_room = 4096;

/// Of a file's first bytes, all of them or `npy_header_room`. Throws InputError naming `where` for another type,
/// Fortran order, and anything else unexpected.
NpyHeader parse_npy_header(std::string_view begin, const std::string& where);

/// Throws as above, and for a shape that disagrees with the file's size.
checkpoint::Tensor read_npy(const std::filesystem::path& path);

}  // namespace dydit::data
