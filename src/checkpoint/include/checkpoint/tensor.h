// SPDX-License-Identifier: Apache-2.0
// Named tensors as they lie in a file: type, shape and contiguous row-major bytes. No LibTorch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dydit::checkpoint {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
std::size_t size_of(DType type);
/// safetensors' name: "F32", "BF16", "BOOL" ...
const char* name_of(DType type);
/// The inverse of `name_of`; nothing for a name that is not supported.
std::optional<DType> dtype_named(std::string_view name);

/// Product of the dimensions; nothing when one is negative or the product does not fit.
std::optional<std::int64_t> elements_of(std::span<const std::int64_t> shape);
/// Bytes of a contiguous tensor; nothing when a dimension is negative or the number does not fit.
std::optional<std::int64_t> bytes_of(DType type, std::span<const std::int64_t> shape);
/// Whether the address suits elements of `type`.
bool aligned(std::span<const std::byte> bytes, DType type);

/// A contiguous row-major tensor, aligned to its element size; `owner` keeps `bytes` alive (a mapped
/// file, or a copy).
struct Tensor {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  std::int64_t elements() const;
  /// The elements as T: double, float, std::int64_t, int32_t, int16_t, int8_t, uint8_t or bool. Throws
  /// InputError when T is not the tensor's type, or a boolean is neither 0 nor 1.
  template <typename T>
  std::span<const T> as() const;

  /// A tensor that owns a copy of `bytes`, as many as type and shape have.
  static Tensor copy_of(DType type, std::vector<std::int64_t> shape, std::span<const std::byte> bytes);
  /// A tensor that owns a copy of `values`, one for each element of `shape`.
  template <typename T>
  static Tensor of(std::span<const T> values, std::vector<std::int64_t> shape);
};

using Tensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

/// "(2, 3, 8)": a shape as messages print it.
std::string to_string(const std::vector<std::int64_t>& shape);

}  // namespace dydit::checkpoint
