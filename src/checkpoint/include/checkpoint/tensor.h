// SPDX-License-Identifier: Apache-2.0
// Named tensors as they lie in a file: type, shape and contiguous row-major bytes. No LibTorch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dydit::checkpoint {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
std::size_t size_of(DType type);
/// safetensors' name: "F32", "BF16", "BOOL" ...
const char* name_of(DType type);

/// A contiguous row-major tensor; `owner` keeps `bytes` alive (a mapped file, or a copy).
struct Tensor {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  std::int64_t elements() const;
  /// The elements as T; throws InputError when T does not have the tensor's type.
  template <typename T>
  std::span<const T> as() const;

  /// A tensor that owns a copy of `values`.
  template <typename T>
  static Tensor of(std::span<const T> values, std::vector<std::int64_t> shape);
};

using Tensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

/// "(2, 3, 8)": a shape as messages print it.
std::string to_string(const std::vector<std::int64_t>& shape);

}  // namespace dydit::checkpoint
