// SPDX-License-Identifier: Apache-2.0
// Hopper's instructions that a product is made of: barriers in shared memory, tiles copied by the tensor memory
// accelerator, and products of warpgroups (PTX ISA 8.0, chapters on mbarrier, cp.async.bulk.tensor and wgmma).
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace dydit::gpu {

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// A barrier that phases alternate on: a wait names the parity of the phase that it waits for.
struct Barrier {
  std::uint64_t state;

  __device__ void initialise(std::uint32_t arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(arrivals));
  }
  __device__ void expect(std::uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                 : "memory");
  }
  __device__ void wait(std::uint32_t parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n"
        "}\n" ::"r"(shared_address(this)),
        "r"(parity)
        : "memory");
  }
  /// At the same barrier of a block of the cluster. (`.release.cluster` would fence the whole GPU each time; what is
  /// released here was read by wgmma, which has ended.)
  __device__ void arrive_at(std::uint32_t block) {
    asm volatile(
        "{\n"
        ".reg .b32 remote;\n"
        "mapa.shared::cluster.u32 remote, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
        "}\n" ::"r"(shared_address(this)),
        "r"(block)
        : "memory");
  }
};

/// Of what is read once, and is to leave the L2 cache before what is written meanwhile.
__device__ inline std::uint64_t read_once() {
  std::uint64_t policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

/// So many bytes, a multiple of 16, at addresses that are.
__device__ inline void copy_bytes(void* to, const void* from, int bytes, Barrier& done, std::uint64_t policy) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::
          "r"(shared_address(to)),
      "l"(from), "r"(bytes), "r"(shared_address(&done)), "l"(policy)
      : "memory");
}

/// A wait is for all threads of the cluster to have arrived; what they wrote to shared memory before is seen then.
__device__ inline void arrive_at_cluster() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ inline void wait_for_cluster() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
/// Into the shared memory of a block of the cluster, at the place that this address is of here.
__device__ inline void store_at(std::uint32_t block, void* to, float4 value) {
  asm volatile(
      "{\n"
      ".reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "st.shared::cluster.v4.f32 [remote], {%2, %3, %4, %5};\n"
      "}\n" ::"r"(shared_address(to)),
      "r"(block), "f"(value.x), "f"(value.y), "f"(value.z), "f"(value.w)
      : "memory");
}

/// A box of a matrix, beginning at (row, column), into shared memory; out of bounds it is zero.
__device__ inline void copy_tile(void* to, const CUtensorMap& matrix, Barrier& done, int row, int column) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::
          "r"(shared_address(to)),
      "l"(&matrix), "r"(shared_address(&done)), "r"(column), "r"(row)
      : "memory");
}
/// The same into every block of `blocks` (a bit each), at the same place, each with its own barrier.
__device__ inline void copy_tile_to(std::uint16_t blocks, void* to, const CUtensorMap& matrix, Barrier& done, int row,
                                    int column) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%3, %4}], [%2], %5;" ::"r"(shared_address(to)),
      "l"(&matrix), "r"(shared_address(&done)), "r"(column), "r"(row), "h"(blocks)
      : "memory");
}

/// A box of a matrix from shared memory, which other threads of the warp have written as well; the lane that copies
/// waits before that memory is written again or the kernel ends.
__device__ inline void copy_tile_out(const CUtensorMap& matrix, const void* from, int row, int column) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(&matrix),
               "r"(shared_address(from)), "r"(column), "r"(row)
               : "memory");
}
/// Behind the last of those that are waited for together.
__device__ inline void end_copies_out() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
/// A box of a tensor of four dimensions into shared memory, the innermost coordinate first.
__device__ inline void copy_box(void* to, const CUtensorMap& tensor, Barrier& done, int a, int b, int c, int d) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], "
      "[%2];" ::"r"(shared_address(to)),
      "l"(&tensor), "r"(shared_address(&done)), "r"(a), "r"(b), "r"(c), "r"(d)
      : "memory");
}
/// The same out of it, as copy_tile_out, with its end.
__device__ inline void copy_box_out(const CUtensorMap& tensor, const void* from, int a, int b, int c, int d) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];\n"
      "cp.async.bulk.commit_group;" ::"l"(&tensor),
      "r"(shared_address(from)), "r"(a), "r"(b), "r"(c), "r"(d)
      : "memory");
}
__device__ inline void wait_until_copied_out() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }
/// What this thread has read or written in shared memory comes before what copies that begin later do there.
__device__ inline void show_to_copies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Rows of 64 numbers of two bytes, swizzled by 128 bytes, as wgmma reads them; + 2 is 16 columns further.
__device__ inline std::uint64_t operand(const void* rows) {
  return ((shared_address(rows) & 0x3FFFF) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{1024 >> 4} << 32) |
         (std::uint64_t{1} << 62);
}
/// Rows of 16 numbers, swizzled by 32 bytes.
__device__ inline std::uint64_t narrow_operand(const void* rows) {
  return ((shared_address(rows) & 0x3FFFF) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{256 >> 4} << 32) |
         (std::uint64_t{3} << 62);
}

__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Until at most `Left` groups of products are under way.
template <int Left>
__device__ inline void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory");
}

/// sum (64,N) = a (64,16) b (N,16)^T, + sum where `add`: each thread of a warpgroup has N / 2 of its numbers.
template <typename Number, int N>
__device__ void multiply(float (&sum)[N / 2], std::uint64_t a, std::uint64_t b, bool add);
/// The same of an a in registers, as a sum lies in them, and b (16,N): its rows are the columns of a.
template <typename Number, int N>
__device__ void multiply_rows(float (&sum)[N / 2], const std::uint32_t (&a)[4], std::uint64_t b, bool add);

/// Sixteen rows of 16 columns (8 without `wide`) as a sum lies in a warp's registers, in pairs, into shared memory;
/// lane i says where row i % 16 of columns i / 16 * 8 on begins.
__device__ inline void store_sixteen(std::uint32_t to, const std::uint32_t (&pairs)[4], bool wide) {
  if (wide)
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(pairs[0]),
                 "r"(pairs[1]), "r"(pairs[2]), "r"(pairs[3]));
  else
    asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};" ::"r"(to), "r"(pairs[0]), "r"(pairs[1]));
}

/// The same back into registers.
__device__ inline void load_sixteen(std::uint32_t (&pairs)[4], std::uint32_t from, bool wide) {
  if (wide)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
                 : "r"(from));
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(pairs[0]), "=r"(pairs[1])
                 : "r"(from));
}

#define DYDIT_R0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define DYDIT_R1 DYDIT_R0 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define DYDIT_R2 DYDIT_R1 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define DYDIT_R3 DYDIT_R2 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define DYDIT_R36 DYDIT_R3 ", %32, %33, %34, %35"
#define DYDIT_R48 DYDIT_R36 ", %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define DYDIT_R56 DYDIT_R48 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define DYDIT_R64 DYDIT_R56 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define DYDIT_R72 DYDIT_R64 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define DYDIT_R128                                                                                           \
  DYDIT_R64                                                                                                  \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, "   \
  "%84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, " \
  "%104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, "   \
  "%121, %122, %123, %124, %125, %126, %127"
#define DYDIT_S4(i) "+f"(sum[i]), "+f"(sum[i + 1]), "+f"(sum[i + 2]), "+f"(sum[i + 3])
#define DYDIT_S12(i) DYDIT_S4(i), DYDIT_S4(i + 4), DYDIT_S4(i + 8)
#define DYDIT_S36 DYDIT_S12(0), DYDIT_S12(12), DYDIT_S12(24)
#define DYDIT_S48 DYDIT_S36, DYDIT_S12(36)
#define DYDIT_S56 DYDIT_S48, DYDIT_S4(48), DYDIT_S4(52)
#define DYDIT_S64 DYDIT_S56, DYDIT_S4(56), DYDIT_S4(60)
#define DYDIT_S72 DYDIT_S64, DYDIT_S4(64), DYDIT_S4(68)
#define DYDIT_S128 DYDIT_S64, DYDIT_S12(64), DYDIT_S12(76), DYDIT_S12(88), DYDIT_S12(100), DYDIT_S12(112), DYDIT_S4(124)
#define DYDIT_S32 DYDIT_S12(0), DYDIT_S12(12), DYDIT_S4(24), DYDIT_S4(28)
#define DYDIT_MULTIPLY(Number, name, N, registers, a_, b_, add_, ...)                                            \
  template <>                                                                                                    \
  __device__ inline void multiply<Number, N>(float(&sum)[N / 2], std::uint64_t a, std::uint64_t b, bool add) {   \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " add_                                                        \
                 ", 0;\n"                                                                                        \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." name "." name " {" registers "}, " a_ ", " b_ \
                 ", p, 1, 1, 0, 0;\n}\n"                                                                         \
                 : __VA_ARGS__                                                                                   \
                 : "l"(a), "l"(b), "r"(static_cast<int>(add)));                                                  \
  }
#define DYDIT_MULTIPLY_BOTH(N, registers, a, b, add, ...)                     \
  DYDIT_MULTIPLY(__nv_bfloat16, "bf16", N, registers, a, b, add, __VA_ARGS__) \
  DYDIT_MULTIPLY(__half, "f16", N, registers, a, b, add, __VA_ARGS__)

DYDIT_MULTIPLY_BOTH(72, DYDIT_R36, "%36", "%37", "%38", DYDIT_S36)
DYDIT_MULTIPLY_BOTH(96, DYDIT_R48, "%48", "%49", "%50", DYDIT_S48)
DYDIT_MULTIPLY_BOTH(112, DYDIT_R56, "%56", "%57", "%58", DYDIT_S56)
DYDIT_MULTIPLY_BOTH(128, DYDIT_R64, "%64", "%65", "%66", DYDIT_S64)
DYDIT_MULTIPLY_BOTH(144, DYDIT_R72, "%72", "%73", "%74", DYDIT_S72)
DYDIT_MULTIPLY_BOTH(256, DYDIT_R128, "%128", "%129", "%130", DYDIT_S128)

#define DYDIT_MULTIPLY_ROWS(Number, name, N, registers, a_, b_, add_, ...)                                         \
  template <>                                                                                                      \
  __device__ inline void multiply_rows<Number, N>(float(&sum)[N / 2], const std::uint32_t(&a)[4], std::uint64_t b, \
                                                  bool add) {                                                      \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " add_                                                          \
                 ", 0;\n"                                                                                          \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." name "." name " {" registers "}, {" a_ "}, " b_ \
                 ", p, 1, 1, 1;\n}\n"                                                                              \
                 : __VA_ARGS__                                                                                     \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(add)));                \
  }
#define DYDIT_MULTIPLY_ROWS_BOTH(N, registers, a, b, add, ...)                     \
  DYDIT_MULTIPLY_ROWS(__nv_bfloat16, "bf16", N, registers, a, b, add, __VA_ARGS__) \
  DYDIT_MULTIPLY_ROWS(__half, "f16", N, registers, a, b, add, __VA_ARGS__)

DYDIT_MULTIPLY_ROWS_BOTH(8, "%0, %1, %2, %3", "%4, %5, %6, %7", "%8", "%9", DYDIT_S4(0))
DYDIT_MULTIPLY_ROWS_BOTH(64, DYDIT_R3, "%32, %33, %34, %35", "%36", "%37", DYDIT_S32)

#undef DYDIT_R0
#undef DYDIT_R1
#undef DYDIT_R2
#undef DYDIT_R3
#undef DYDIT_R36
#undef DYDIT_R48
#undef DYDIT_R56
#undef DYDIT_R64
#undef DYDIT_R72
#undef DYDIT_R128
#undef DYDIT_S4
#undef DYDIT_S12
#undef DYDIT_S36
#undef DYDIT_S48
#undef DYDIT_S56
#undef DYDIT_S64
#undef DYDIT_S72
#undef DYDIT_S128
#undef DYDIT_S32
#undef DYDIT_MULTIPLY
#undef DYDIT_MULTIPLY_BOTH
#undef DYDIT_MULTIPLY_ROWS
#undef DYDIT_MULTIPLY_ROWS_BOTH

}  // namespace dydit::gpu
