// SPDX-License-Identifier: Apache-2.0
// Numbers of two bytes, in pairs and in eights: what a thread moves at once.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace dydit::gpu {

template <typename Number>
struct PairOf;
template <>
struct PairOf<__nv_bfloat16> {
  using Type = __nv_bfloat162;
  static __device__ Type of(float a, float b) { return __floats2bfloat162_rn(a, b); }
  static __device__ float2 floats(Type pair) { return __bfloat1622float2(pair); }
};
template <>
struct PairOf<__half> {
  using Type = __half2;
  static __device__ Type of(float a, float b) { return __floats2half2_rn(a, b); }
  static __device__ float2 floats(Type pair) { return __half22float2(pair); }
};

template <typename Number>
using Pair = typename PairOf<Number>::Type;

template <typename Number>
__device__ inline std::uint32_t packed(float a, float b) {
  const Pair<Number> pair = PairOf<Number>::of(a, b);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

template <typename Number>
__device__ inline float2 floats(std::uint32_t bits) {
  return PairOf<Number>::floats(*reinterpret_cast<const Pair<Number>*>(&bits));
}

/// Eight numbers, 16 bytes.
template <typename Number>
struct alignas(16) Eight {
  Pair<Number> pairs[4];

  static __device__ Eight zero() {
    Eight eight;
    *reinterpret_cast<uint4*>(&eight) = make_uint4(0, 0, 0, 0);
    return eight;
  }
  /// Of memory that nobody writes while the kernel runs, behind its wait for the one before (see below): it may be read
  /// ahead of what the kernel writes.
  static __device__ Eight constant(const Number* at) {
    uint4 bits;
    asm("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(bits.x), "=r"(bits.y), "=r"(bits.z), "=r"(bits.w)
        : "l"(at));
    return *reinterpret_cast<const Eight*>(&bits);
  }
  // At once: a copy of an Eight is one of four pairs to the compiler.
  static __device__ Eight load(const void* at) {
    const uint4 bits = *static_cast<const uint4*>(at);
    return *reinterpret_cast<const Eight*>(&bits);
  }
  static __device__ Eight load_shared(std::uint32_t at) {
    uint4 bits;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(bits.x), "=r"(bits.y), "=r"(bits.z), "=r"(bits.w)
                 : "r"(at)
                 : "memory");
    return *reinterpret_cast<const Eight*>(&bits);
  }
  __device__ void store(void* at) const { *static_cast<uint4*>(at) = *reinterpret_cast<const uint4*>(this); }
  __device__ void to_floats(float (&values)[8]) const {
    for (int i = 0; i < 4; ++i) {
      const float2 pair = PairOf<Number>::floats(pairs[i]);
      values[2 * i] = pair.x;
      values[2 * i + 1] = pair.y;
    }
  }
  static __device__ Eight of(const float (&values)[8]) {
    Eight eight;
    for (int i = 0; i < 4; ++i) eight.pairs[i] = PairOf<Number>::of(values[2 * i], values[2 * i + 1]);
    return eight;
  }
};

/// The launch of a kernel lets the next one begin before this one ends; it waits here for what this one wrote. -> 0, to
/// be added to pointers that are read by Eight::constant: nothing else keeps the compiler from reading them before.
__device__ inline int wait_for_kernel_before() {
  int zero;
  asm volatile("griddepcontrol.wait;\n\tmov.b32 %0, 0;" : "=r"(zero)::"memory");
  return zero;
}
__device__ inline void let_next_kernel_begin() { asm volatile("griddepcontrol.launch_dependents;"); }

}  // namespace dydit::gpu
