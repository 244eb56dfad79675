// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>

#include "base/error.h"

namespace dydit::checkpoint {

namespace {

struct TypeRow {
  const char* name;
  std::size_t size;
};

/// In the order of DType.
constexpr auto types = std::to_array<TypeRow>({{"F64", 8},
                                               {"F32", 4},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"I64", 8},
                                               {"I32", 4},
                                               {"I16", 2},
                                               {"I8", 1},
                                               {"U8", 1},
                                               {"BOOL", 1}});

template <typename T>
constexpr DType type_of() {
  if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
  constexpr std::array integers{DType::i8, DType::i16, DType::i32, DType::i64};
  return integers[std::bit_width(sizeof(T)) - 1];
}

}  // namespace

std::size_t size_of(DType type) { return types.at(static_cast<std::size_t>(type)).size; }

const char* name_of(DType type) { return types.at(static_cast<std::size_t>(type)).name; }

std::optional<DType> dtype_named(std::string_view name) {
  const auto* const row = std::ranges::find(types, name, &TypeRow::name);
  if (row == types.end()) return std::nullopt;
  return static_cast<DType>(row - types.begin());
}

std::optional<std::int64_t> elements_of(std::span<const std::int64_t> shape) {
  std::int64_t product = 1;
  for (const std::int64_t dimension : shape)
    if (dimension < 0 || __builtin_mul_overflow(product, dimension, &product)) return std::nullopt;
  return product;
}

std::optional<std::int64_t> bytes_of(DType type, std::span<const std::int64_t> shape) {
  std::int64_t bytes = 0;
  const auto elements = elements_of(shape);
  if (!elements || __builtin_mul_overflow(*elements, size_of(type), &bytes)) return std::nullopt;
  return bytes;
}

bool aligned(std::span<const std::byte> bytes, DType type) {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0;
}

std::int64_t Tensor::elements() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }

template <typename T>
std::span<const T> Tensor::as() const {
  if (type != type_of<T>())
    throw InputError(fmt::format("a tensor has type {} where {} is expected", name_of(type), name_of(type_of<T>())));
  if constexpr (std::is_same_v<T, bool>)
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte value) { return value > std::byte{1}; }))
      throw InputError("a tensor of type BOOL holds values other than 0 and 1");
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

Tensor Tensor::copy_of(DType type, std::vector<std::int64_t> shape, std::span<const std::byte> bytes) {
  const auto copy = std::make_shared_for_overwrite<std::byte[]>(bytes.size());  // aligned for any type
  std::ranges::copy(bytes, copy.get());
  return {type, std::move(shape), {copy.get(), bytes.size()}, copy};
}

template <typename T>
Tensor Tensor::of(std::span<const T> values, std::vector<std::int64_t> shape) {
  if (elements_of(shape) != static_cast<std::int64_t>(values.size()))
    throw std::invalid_argument(fmt::format("{} values for a tensor of shape {}", values.size(), to_string(shape)));
  return copy_of(type_of<T>(), std::move(shape), std::as_bytes(values));
}

#define DYDIT_TENSOR_OF(T)                           \
  template std::span<const T> Tensor::as<T>() const; \
  template Tensor Tensor::of<T>(std::span<const T>, std::vector<std::int64_t>);
DYDIT_TENSOR_OF(double)
DYDIT_TENSOR_OF(float)
DYDIT_TENSOR_OF(std::int64_t)
DYDIT_TENSOR_OF(std::int32_t)
DYDIT_TENSOR_OF(std::int16_t)
DYDIT_TENSOR_OF(std::int8_t)
DYDIT_TENSOR_OF(std::uint8_t)
DYDIT_TENSOR_OF(bool)
#undef DYDIT_TENSOR_OF

std::string to_string(const std::vector<std::int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

}  // namespace dydit::checkpoint
