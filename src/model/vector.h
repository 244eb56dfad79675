// SPDX-License-Identifier: Apache-2.0
// Floats in vectors, for code that is compiled for several processors and chosen at run time.
#pragma once

#include <cstdint>

#define DYDIT_INLINE __attribute__((always_inline)) inline

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DYDIT_HAS_VECTOR_CODE
#endif

namespace dydit::model {

inline constexpr std::int64_t lanes = 16;

/// One register of AVX-512, two of AVX2; at any address.
using Vector = float __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
/// One register of AVX2.
using HalfVector = float __attribute__((vector_size(2 * lanes), aligned(4), may_alias));

template <typename V = Vector>
DYDIT_INLINE V& vector_at(float* numbers) { return *reinterpret_cast<V*>(numbers); }
template <typename V = Vector>
DYDIT_INLINE const V& vector_at(const float* numbers) { return *reinterpret_cast<const V*>(numbers); }

/// False where the processor has no attention, product or router here.
inline bool has_vector_code() {
#ifdef DYDIT_HAS_VECTOR_CODE
  return __builtin_cpu_supports("x86-64-v3") != 0;
#else
  return false;
#endif
}

}  // namespace dydit::model
