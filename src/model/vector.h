// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at a time, for code that is compiled for several processors: one register of AVX-512, two of AVX2.
#pragma once

#include <cstdint>

#define DYDIT_INLINE __attribute__((always_inline)) inline

namespace dydit::model {

inline constexpr std::int64_t lanes = 16;

/// At any address.
using Vector = float __attribute__((vector_size(4 * lanes), aligned(4), may_alias));

DYDIT_INLINE Vector& vector_at(float* numbers) { return *reinterpret_cast<Vector*>(numbers); }
DYDIT_INLINE const Vector& vector_at(const float* numbers) { return *reinterpret_cast<const Vector*>(numbers); }

}  // namespace dydit::model
