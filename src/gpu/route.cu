// SPDX-License-Identifier: Apache-2.0
// What stands between a block's attention and its MLP, on the tokens of a block of threads at once: the router's
// logit of each, whether it is on, its place among those that are, and its modulated norm written there.
#include "check.h"
#include "kernels.h"
#include "norm.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = 8;

// A row in shared memory: eight of them lie so that reads of 16 bytes by four lanes of each meet no bank twice.
__host__ __device__ constexpr int pitch_of(int width) {
  return width * 2 / 128 * 128 + 64 + (width * 2 % 128 > 64 ? 128 : 0);
}

template <typename Number>
__device__ inline void multiply_16x8x16(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
template <>
__device__ inline void multiply_16x8x16<__nv_bfloat16>(float (&sum)[4], const std::uint32_t (&a)[4],
                                                       const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
__device__ inline void multiply_16x8x16<__half>(float (&sum)[4], const std::uint32_t (&a)[4],
                                                const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <int Rows, int Hidden8>
struct RouteLayout {
  static constexpr int slices = warps / (Rows / 16);  // of a row, each multiplied by another warp
  static constexpr int hidden = Hidden8 * 8;
  static constexpr int sums = slices * Rows * hidden * int(sizeof(float));
  static __host__ __device__ constexpr int bytes(int width) { return Rows * pitch_of(width) + sums + 2 * Rows * 4; }
};

// `Hidden8` 0: without a router.
template <typename Number, int Rows, int Hidden8, int Eights>
__global__ __launch_bounds__(warps * 32) void route(const RouteLaunch p) {
  using Memory = RouteLayout<Rows, Hidden8>;
  extern __shared__ __align__(128) std::uint8_t route_memory[];
  const int pitch = pitch_of(p.width), lane = threadIdx.x % 32, warp = threadIdx.x / 32, first = blockIdx.x * Rows;
  float* const sums = reinterpret_cast<float*>(route_memory + Rows * pitch);
  int* const place = reinterpret_cast<int*>(route_memory + Rows * pitch + Memory::sums);
  float* const logits = reinterpret_cast<float*>(place + Rows);
  let_next_kernel_begin();
  wait_for_kernel_before();

  const int eights = p.width / 8, rows = min(Rows, p.rows - first);
  const Number* const x = static_cast<const Number*>(p.x) + std::int64_t{first} * p.width;
  for (int i = threadIdx.x; i < Rows * eights; i += warps * 32) {
    const int row = i / eights, at = i % eights * 16;
    std::uint8_t* const to = route_memory + row * pitch + at;
    if (row < rows)
      asm volatile(
          "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
          "l"(reinterpret_cast<const std::uint8_t*>(x) + std::int64_t{i} * 16));
    else
      *reinterpret_cast<uint4*>(to) = make_uint4(0, 0, 0, 0);
  }
  asm volatile("cp.async.commit_group;\ncp.async.wait_group 0;" ::: "memory");
  __syncthreads();

  if (Hidden8 > 0) {
    // Columns go to the lanes of the products in another order than they stand in, of rows and weights alike, so that
    // a lane reads eight that are neighbours.
    const int tile = warp % (Rows / 16), slice = warp / (Rows / 16);
    float sum[Hidden8 > 0 ? Hidden8 : 1][4] = {};
    const Number* const weight = static_cast<const Number*>(p.weight1) + lane / 4 * p.width + lane % 4 * 8;
    const std::uint8_t* const mine = route_memory + (tile * 16 + lane / 4) * pitch + lane % 4 * 16;
    for (int k = slice * 32; k < p.width; k += Memory::slices * 32) {
      const uint4 upper = *reinterpret_cast<const uint4*>(mine + k * 2),
                  lower = *reinterpret_cast<const uint4*>(mine + 8 * pitch + k * 2);
      const std::uint32_t a[2][4] = {{upper.x, lower.x, upper.y, lower.y}, {upper.z, lower.z, upper.w, lower.w}};
#pragma unroll
      for (int n = 0; n < Hidden8; ++n) {
        const uint4 w = __ldg(reinterpret_cast<const uint4*>(weight + n * 8 * p.width + k));
        const std::uint32_t b[2][2] = {{w.x, w.y}, {w.z, w.w}};
        multiply_16x8x16<Number>(sum[n], a[0], b[0]);
        multiply_16x8x16<Number>(sum[n], a[1], b[1]);
      }
    }
#pragma unroll
    for (int n = 0; n < Hidden8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sums[(slice * Rows + tile * 16 + lane / 4 + i / 2 * 8) * Memory::hidden + n * 8 + lane % 4 * 2 + i % 2] =
            sum[n][i];
    __syncthreads();
    // Eight neighbouring threads for a row.
    const Number *const bias = static_cast<const Number*>(p.bias1), *const second =
                                                                        static_cast<const Number*>(p.weight2);
    for (int row = threadIdx.x / 8; row < Rows; row += warps * 4) {
      float logit = 0;
      for (int j = threadIdx.x % 8; j < Memory::hidden; j += 8) {
        float unit = 0;
#pragma unroll
        for (int s = 0; s < Memory::slices; ++s) unit += sums[(s * Rows + row) * Memory::hidden + j];
        unit += static_cast<float>(bias[j]);
        logit += unit > 0 || isnan(unit) ? unit * static_cast<float>(second[j]) : 0.F;
      }
#pragma unroll
      for (int other = 4; other > 0; other /= 2) logit += __shfl_xor_sync(~0U, logit, other);
      if (threadIdx.x % 8 == 0) logits[row] = logit + static_cast<float>(*static_cast<const Number*>(p.bias2));
    }
    __syncthreads();
  }

  if (warp == 0) {
    int before = 0, on_before[(Rows + 31) / 32];
    unsigned on_of[(Rows + 31) / 32];
#pragma unroll
    for (int part = 0; part < (Rows + 31) / 32; ++part) {
      const int row = part * 32 + lane;
      bool on = false;
      if (row < rows) {
        const int token = (first + row) % p.tokens;
        const std::int64_t image = (first + row) / p.tokens;
        if (Hidden8 > 0) {
          const float logit = logits[row];
          if (p.logits) p.logits[image * p.logits_stride + token] = logit;
          on = 1 / (1 + expf(-logit)) > .5F;
        }
        if (p.imposed) on = p.imposed[image * p.imposed_stride + token];
        p.on[image * p.on_stride + token] = on;
      }
      on_of[part] = __ballot_sync(~0U, on);
      on_before[part] = before;
      before += __popc(on_of[part]);
    }
    int base = 0;
    if (lane == 0 && before > 0) base = atomicAdd(p.count, before);
    base = __shfl_sync(~0U, base, 0);
#pragma unroll
    for (int part = 0; part < (Rows + 31) / 32; ++part) {
      const int row = part * 32 + lane;
      if (row >= Rows) continue;
      const bool on = on_of[part] >> lane & 1;
      const int to = base + on_before[part] + __popc(on_of[part] & ((1U << lane) - 1));
      place[row] = on ? to : -1;
      if (on) p.numbers[to] = first + row;
    }
  }
  __syncthreads();

  for (int row = warp; row < rows; row += warps) {
    const int to = place[row];
    if (to < 0) continue;
    const std::int64_t image = (first + row) / p.tokens * p.modulation_stride;
    norm_row<Number, Eights>(
        [&](int at) { return *reinterpret_cast<const Eight<Number>*>(route_memory + row * pitch + at * 2); },
        static_cast<const Number*>(p.shift) + image, static_cast<const Number*>(p.scale) + image,
        static_cast<Number*>(p.out) + std::int64_t{to} * p.width, p.width);
  }
}

template <typename Number, int Rows, int Hidden8, int Eights>
void launch_rows(const RouteLaunch& p, Stream stream) {
  const auto kernel = route<Number, Rows, Hidden8, Eights>;
  const int bytes = RouteLayout<Rows, Hidden8>::bytes(p.width);
  allow_shared_memory(kernel, bytes);
  launch_kernel(kernel, (p.rows + Rows - 1) / Rows, warps * 32, bytes, 1, stream, p);
}

// Few rows are spread over more multiprocessors.
template <typename Number, int Hidden8, int Eights>
void launch_sized(const RouteLaunch& p, Stream stream) {
  if (p.rows <= 32 * multiprocessors())
    launch_rows<Number, 16, Hidden8, Eights>(p, stream);
  else
    launch_rows<Number, 64, Hidden8, Eights>(p, stream);
}

template <typename Number>
void launch_number(const RouteLaunch& p, Stream stream) {
  if (p.weight1 == nullptr)
    return with_eights(p.width, [&](auto eights) { launch_sized<Number, 0, decltype(eights)::value>(p, stream); });
  switch (p.width) {  // those of the published models
    case 384:
      return launch_sized<Number, 3, 2>(p, stream);
    case 768:
      return launch_sized<Number, 6, 3>(p, stream);
    case 1024:
      return launch_sized<Number, 8, 4>(p, stream);
    case 1152:
      return launch_sized<Number, 9, 5>(p, stream);
    default:
      require(false, "a router of this width");
  }
}

}  // namespace

bool has_router(int width, int hidden) {
  return hidden * 16 == width && (width == 384 || width == 768 || width == 1024 || width == 1152);
}

void launch(const RouteLaunch& p, Stream stream) {
  if (p.rows == 0) return;
  p.number == Number::float16 ? launch_number<__half>(p, stream) : launch_number<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
