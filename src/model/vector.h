// SPDX-License-Identifier: Apache-2.0
// Floats in vectors, for code that is compiled for several processors and chosen at run time.
#pragma once

#include <cstdint>
#include <type_traits>

#define DYDIT_INLINE_LAMBDA __attribute__((always_inline))
#define DYDIT_INLINE DYDIT_INLINE_LAMBDA inline

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
DYDIT_INLINE V& vector_at(float* numbers) {
  return *reinterpret_cast<V*>(numbers);
}
template <typename V = Vector>
DYDIT_INLINE const V& vector_at(const float* numbers) {
  return *reinterpret_cast<const V*>(numbers);
}

/// False where the processor has no attention, product or router here.
inline bool has_vector_code() {
#ifdef DYDIT_HAS_VECTOR_CODE
  return __builtin_cpu_supports("x86-64-v3") != 0;
#else
  return false;
#endif
}

#ifdef DYDIT_HAS_VECTOR_CODE
template <typename Work>
__attribute__((target("arch=x86-64-v4"))) void run_v4(const Work& work) {
  work(std::true_type());
}
template <typename Work>
__attribute__((target("arch=x86-64-v3"))) void run_v3(const Work& work) {
  work(std::false_type());
}
#endif

/// work(wide), compiled for the processor: `wide` is true with AVX-512, which has 32 registers of 16 numbers, and false
/// with AVX2, which has 16 of 8, or without either. `work` and all that it calls must be inline (DYDIT_INLINE).
template <typename Work>
void in_vector_code(const Work& work) {
#ifdef DYDIT_HAS_VECTOR_CODE
  if (__builtin_cpu_supports("x86-64-v4")) return run_v4(work);
  if (__builtin_cpu_supports("x86-64-v3")) return run_v3(work);
#endif
  work(std::false_type());
}

}  // namespace dydit::model
