// SPDX-License-Identifier: Apache-2.0
#include "sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace dydit::data {

using checkpoint::DType;
using checkpoint::Tensor;

namespace {

// IEEE 754 binary16.
float from_half(std::uint16_t half) { return static_cast<float>(std::bit_cast<_Float16>(half)); }

// The upper half of a float.
float from_bfloat(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16U); }

template <typename T>
std::vector<std::int64_t> widened(const Tensor& tensor) {
  const auto values = tensor.as<T>();
  return {values.begin(), values.end()};
}

}  // namespace

void require_latents(const Tensor& latents, const std::string& name) {
  if (latents.type != DType::f32 && latents.type != DType::f16 && latents.type != DType::bf16)
    throw InputError(fmt::format("latents of type {}", checkpoint::name_of(latents.type)), name,
                     "write them as F32, F16 or BF16");
}

void copy_latent(const Tensor& latents, std::int64_t index, const Shape& shape, bool flip, const std::string& name,
                 std::span<float> out) {
  const auto length = static_cast<std::size_t>(shape.elements()), first = static_cast<std::size_t>(index) * length;
  const auto halves = [&](auto to_float) {
    const auto* const begin = reinterpret_cast<const std::uint16_t*>(latents.bytes.data()) + first;
    std::transform(begin, begin + length, out.begin(), to_float);
  };
  if (latents.type == DType::f16)
    halves(from_half);
  else if (latents.type == DType::bf16)
    halves(from_bfloat);
  else
    std::ranges::copy(latents.as<float>().subspan(first, length), out.begin());
  if (!std::ranges::all_of(out.first(length), [](float value) { return std::isfinite(value); }))
    throw InputError("broken latent", name, "it has values that are not finite");
  if (!flip) return;
  const auto width = static_cast<std::size_t>(shape.width);
  for (std::size_t row = 0; row < length; row += width) std::ranges::reverse(out.subspan(row, width));
}

std::vector<std::int64_t> labels_of(const Tensor& labels, const std::string& name) {
  switch (labels.type) {
    case DType::i64:
      return widened<std::int64_t>(labels);
    case DType::i32:
      return widened<std::int32_t>(labels);
    case DType::i16:
      return widened<std::int16_t>(labels);
    case DType::i8:
      return widened<std::int8_t>(labels);
    case DType::u8:
      return widened<std::uint8_t>(labels);
    default:
      throw InputError(fmt::format("labels of type {}", checkpoint::name_of(labels.type)), name,
                       "write them as integers of at most 64 bits");
  }
}

}  // namespace dydit::data
