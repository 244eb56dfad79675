// SPDX-License-Identifier: Apache-2.0
// What stands between a block's attention and its MLP, on the tokens of a block of threads at once: the router's
// logit of each, whether it is on, its place among those that are, and its modulated norm written there. Of many
// tokens a product has made the logits before: here each block of threads reads all of the router's weights.
#include "ahead.cuh"
#include "check.h"
#include "kernels.h"
#include "narrow.cuh"
#include "norm.cuh"
#include "row_ring.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = narrow_warps;

// A block's tokens are of one image, so many rows of it at most.
struct OfImage {
  int image, first_token, rows;

  __device__ OfImage(const RouteLaunch& p, int most) {
    const int parts = (p.tokens + most - 1) / most;
    const int block = p.backwards ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
    image = block / parts;
    first_token = block % parts * most;
    rows = min(most, p.tokens - first_token);
  }
  template <typename Number>
  __device__ const Number* tokens(const RouteLaunch& p) const {
    return static_cast<const Number*>(p.x) + (std::int64_t{image} * p.tokens + first_token) * p.width;
  }
};
int blocks_of(const RouteLaunch& p, int most) { return p.rows / p.tokens * ((p.tokens + most - 1) / most); }

// The router's second layer, in shared memory.
struct SecondLayer {
  const float *bias, *weight;  // of the hidden units
  float last_bias;

  // Of one of sixteen rows, by eight neighbouring threads; all eight get it.
  template <int Hidden8>
  __device__ float logit(const float* sums, int row) const {
    float logit = 0;
    for (int j = threadIdx.x % 8; j < Hidden8 * 8; j += 8) {
      const float unit = narrow_sum<Hidden8>(sums, row, j) + bias[j];
      logit += unit > 0 || isnan(unit) ? unit * weight[j] : 0.F;
    }
#pragma unroll
    for (int other = 4; other > 0; other /= 2) logit += __shfl_xor_sync(~0U, logit, other);
    return logit + last_bias;
  }
};

// Decides whether each lane's token of an image is on (-1: the lane has none) and writes that down. -> where the
// token's norm goes, -1 where it is off. `meanwhile` is called while the count is on its way.
template <typename Meanwhile>
__device__ int decide(const RouteLaunch& p, int image, int token, bool has_logit, float logit,
                      const Meanwhile& meanwhile) {
  bool on = false;
  if (token >= 0) {
    on = has_logit && 1 / (1 + expf(-logit)) > .5F;
    if (p.imposed) on = p.imposed[image * p.imposed_stride + token];
    if (has_logit && !p.has_logits && p.logits) p.logits[image * p.logits_stride + token] = logit;
    p.on[image * p.on_stride + token] = on;
  }
  const int lane = threadIdx.x % 32;
  const unsigned all_on = __ballot_sync(~0U, on);
  int base = 0;
  if (lane == 0 && all_on != 0) base = atomicAdd(p.count, __popc(all_on));
  meanwhile();
  const int to = __shfl_sync(~0U, base, 0) + __popc(all_on & ((1U << lane) - 1));
  if (on) p.numbers[to] = image * p.tokens + token;
  return on ? to : -1;
}

// The same of sixteen tokens by all threads of a block: their logits from the sums of their hidden units, and place
// (16).
template <int Hidden8, typename Meanwhile>
__device__ void decide_sixteen(const RouteLaunch& p, const SecondLayer& layer, const float* sums, int image,
                               int first_token, int rows, int* place, const Meanwhile& meanwhile) {
  constexpr int row_threads = 8;
  const int row = threadIdx.x / row_threads;
  if (row >= narrow_rows) return meanwhile();
  const float logit = layer.logit<Hidden8>(sums, row);
  const bool leads = threadIdx.x % row_threads == 0;
  const int to = decide(p, image, leads && row < rows ? first_token + row : -1, /*has_logit=*/true, logit, meanwhile);
  if (leads) place[row] = to;
}

template <int Hidden8>
struct FewLayout {
  static constexpr int hidden = Hidden8 * 8, sums = warps * narrow_rows * hidden * int(sizeof(float));
  static __host__ __device__ constexpr int tokens(int width) { return narrow_rows * pitch_of(width); }
  static __host__ __device__ constexpr int bytes(int width) { return tokens(width) + sums + 2 * hidden * 4; }
};

template <typename Number, int Hidden8, int Eights>
__global__ __launch_bounds__(warps * 32, 1) void route_few(const RouteLaunch p) {
  using Memory = FewLayout<Hidden8>;
  extern __shared__ __align__(128) std::uint8_t route_memory[];
  __shared__ int place[narrow_rows];
  const int pitch = pitch_of(p.width), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const OfImage of(p, narrow_rows);
  float* const sums = reinterpret_cast<float*>(route_memory + Memory::tokens(p.width));
  float *const bias = sums + Memory::sums / 4, *const second = bias + Memory::hidden;
  let_next_kernel_begin();
  fetch_ahead(p.ahead);
  // The router's weights are there before the tokens are.
  NarrowProduct<Number, Hidden8, Eights, true> router(static_cast<const Number*>(p.weight1), p.width);
  for (int i = threadIdx.x; i < Memory::hidden; i += warps * 32) {
    bias[i] = static_cast<float>(static_cast<const Number*>(p.bias1)[i]);
    second[i] = static_cast<float>(static_cast<const Number*>(p.weight2)[i]);
  }
  const SecondLayer layer{bias, second, static_cast<float>(*static_cast<const Number*>(p.bias2))};
  const std::int64_t modulation_at = of.image * p.modulation_stride;
  wait_for_kernel_before();

  const Number* const x = of.tokens<Number>(p);
  constexpr int own_rows = narrow_rows / warps;
#pragma unroll
  for (int i = 0; i < own_rows; ++i) {
    const int row = warp + i * warps;
    for (int at = lane * 8; at < p.width; at += 256) {
      std::uint8_t* const to = route_memory + row * pitch + at * 2;
      if (row < of.rows)
        asm volatile(
            "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
            "l"(x + std::int64_t{row} * p.width + at));
      else
        *reinterpret_cast<uint4*>(to) = make_uint4(0, 0, 0, 0);
    }
  }
  asm volatile("cp.async.commit_group;\ncp.async.wait_group 0;" ::: "memory");
  __syncthreads();
  router.multiply(route_memory, sums);
  Modulation<Number, Eights> modulation;  // its registers are free since the router's weights have been used
  modulation.read(static_cast<const Number*>(p.shift) + modulation_at,
                  static_cast<const Number*>(p.scale) + modulation_at, p.width);
  __syncthreads();

  // The norms are there before it is known where they go.
  RowPart<Number, Eights> own[own_rows];
  const auto norm_own = [&] {
#pragma unroll
    for (int i = 0; i < own_rows; ++i) {
      const int row = warp + i * warps;
      if (row >= of.rows) continue;
      own[i].read([&](int at) { return Eight<Number>::load(route_memory + row * pitch + at * 2); }, p.width);
      own[i].norm(modulation, p.width);
    }
  };
  decide_sixteen<Hidden8>(p, layer, sums, of.image, of.first_token, of.rows, place, norm_own);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < own_rows; ++i)
    if (const int row = warp + i * warps; row < of.rows && place[row] >= 0)
      own[i].store(static_cast<Number*>(p.out) + std::int64_t{place[row]} * p.width, p.width);
}

// Of logits that are there, or imposed. A warp's first row is on its way before it is known which ones are on.
constexpr int known_rows = 32;

template <typename Number, int Eights>
__global__ __launch_bounds__(warps * 32, Eights > 5 ? 1 : 4) void route_known(const RouteLaunch p) {
  extern __shared__ __align__(128) std::uint8_t known_memory[];
  __shared__ RingBarriers<warps> barriers;
  __shared__ int place[known_rows];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, bytes = p.width * 2;
  const OfImage of(p, known_rows);
  Number* const modulation = reinterpret_cast<Number*>(known_memory);
  RowRing ring(known_memory + (2 + warp * ring_rows) * bytes, barriers, bytes);
  barriers.initialise();
  let_next_kernel_begin();
  fetch_ahead(p.ahead);
  const std::int64_t modulation_at = of.image * p.modulation_stride + wait_for_kernel_before();
  const auto push = [&](int row) {
    if (row < of.rows) ring.push(of.tokens<Number>(p) + std::int64_t{row} * p.width);
  };
  push(warp);
  stage_modulation(modulation, static_cast<const Number*>(p.shift) + modulation_at,
                   static_cast<const Number*>(p.scale) + modulation_at, p.width);
  if (warp == 0) {
    const int token = lane < of.rows ? of.first_token + lane : -1;
    const float logit = p.has_logits && token >= 0 ? p.logits[of.image * p.logits_stride + token] : 0;
    place[lane] = decide(p, of.image, token, p.has_logits, logit, [] {});
  }
  __syncthreads();
  int last = warp;  // of the rows in the ring
  const auto push_next = [&] {
    do last += warps;
    while (last < of.rows && place[last] < 0);
    push(last);
  };
  for (int i = 1; i < ring_rows; ++i) push_next();
#pragma unroll 1
  for (int row = warp; row < of.rows; row += warps) {
    const int to = place[row];
    if (to < 0 && row != warp) continue;
    const std::uint8_t* const there = ring.front();
    RowPart<Number, Eights> part;
    part.read([&](int at) { return Eight<Number>::load(there + at * 2); }, to < 0 ? 0 : p.width);
    ring.pop();
    push_next();
    if (to < 0) continue;
    part.norm(SharedModulation<Number>{modulation, p.width}, p.width);
    part.store(static_cast<Number*>(p.out) + std::int64_t{to} * p.width, p.width);
  }
}

template <typename Number, int Hidden8, int Eights>
void launch_few(const RouteLaunch& p, Stream stream) {
  const auto kernel = route_few<Number, Hidden8, Eights>;
  const int bytes = FewLayout<Hidden8>::bytes(p.width);
  allow_shared_memory(kernel, bytes);
  launch_kernel(kernel, blocks_of(p, narrow_rows), warps * 32, bytes, 1, stream, p);
}

template <typename Number>
void launch_number(const RouteLaunch& p, Stream stream) {
  if (p.weight1 == nullptr || p.has_logits)
    return with_eights(p.width, [&](auto eights) {
      const auto kernel = route_known<Number, decltype(eights)::value>;
      const int bytes = (2 + warps * ring_rows) * p.width * 2;
      allow_shared_memory(kernel, bytes);
      launch_kernel(kernel, blocks_of(p, known_rows), warps * 32, bytes, 1, stream, p);
    });
  switch (p.width) {  // those of the published models
    case 384:
      return launch_few<Number, 384 / 128, eights_of(384)>(p, stream);
    case 768:
      return launch_few<Number, 768 / 128, eights_of(768)>(p, stream);
    case 1024:
      return launch_few<Number, 1024 / 128, eights_of(1024)>(p, stream);
    case 1152:
      return launch_few<Number, 1152 / 128, eights_of(1152)>(p, stream);
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
