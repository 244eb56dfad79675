// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, versions 1 and 2 (NEP 1): magic, version, header length, a Python dict as text,
// little-endian row-major elements.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dydit::data {

template <typename T>
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<T> values;
};

/// T is float ('<f4') or std::int64_t ('<i8'). Throws InputError for another type, Fortran order, a
/// shape that disagrees with the file's size, and anything else unexpected.
template <typename T>
Array<T> read_npy(const std::filesystem::path& path);

}  // namespace dydit::data
