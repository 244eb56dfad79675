// SPDX-License-Identifier: Apache-2.0
// What stands between a block's attention and its MLP, on the tokens of a block of threads at once: the router's
// logit of each, whether it is on, its place among those that are, and its modulated norm written there. Of many
// tokens a product has made the logits before: here each block of threads reads all of the router's weights.
#include "ahead.cuh"
#include "check.h"
#include "kernels.h"
#include "narrow.cuh"
#include "norm.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = narrow_warps;

template <int Rows, int Hidden8>
struct RouteLayout {
  static_assert(Rows <= 32 && (Hidden8 == 0 || Rows == narrow_rows));
  static constexpr int hidden = Hidden8 * 8;
  static constexpr int sums = Hidden8 > 0 ? warps* Rows* hidden* int(sizeof(float)) : 0;
  // The tokens, where a router reads them; else their modulation.
  static __host__ __device__ constexpr int tile_bytes(int width) {
    return Hidden8 > 0 ? Rows * pitch_of(width) : 2 * width * 2;
  }
  static __host__ __device__ constexpr int bytes(int width) {
    return tile_bytes(width) + sums + (2 * Rows + 2 * hidden) * 4;
  }
};

// `Hidden8` 0: without a router.
template <typename Number, int Rows, int Hidden8, int Eights>
__global__ __launch_bounds__(warps * 32, Hidden8 > 0 || Eights > 5 ? 1 : 4) void route(const RouteLaunch p) {
  using Memory = RouteLayout<Rows, Hidden8>;
  extern __shared__ __align__(128) std::uint8_t route_memory[];
  const int pitch = pitch_of(p.width), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  // A block's tokens are of one image.
  const int parts = (p.tokens + Rows - 1) / Rows, image = blockIdx.x / parts;
  const int first_token = blockIdx.x % parts * Rows, rows = min(Rows, p.tokens - first_token);
  const int first = image * p.tokens + first_token;
  float* const sums = reinterpret_cast<float*>(route_memory + Memory::tile_bytes(p.width));
  int* const place = reinterpret_cast<int*>(route_memory + Memory::tile_bytes(p.width) + Memory::sums);
  float *const logits = reinterpret_cast<float*>(place + Rows), *const bias = logits + Rows,
               *const second = bias + Memory::hidden;
  let_next_kernel_begin();
  fetch_ahead(p.ahead);
  // The router's weights are there before the tokens are.
  NarrowProduct<Number, Hidden8 == 0 ? 1 : Hidden8, Hidden8 == 0 ? 0 : Eights, true> router(
      static_cast<const Number*>(p.weight1), p.width);
  for (int i = threadIdx.x; i < Memory::hidden; i += warps * 32) {
    bias[i] = static_cast<float>(static_cast<const Number*>(p.bias1)[i]);
    second[i] = static_cast<float>(static_cast<const Number*>(p.weight2)[i]);
  }
  const float last_bias = Hidden8 > 0 ? static_cast<float>(*static_cast<const Number*>(p.bias2)) : 0.F;
  const std::int64_t of_image = image * p.modulation_stride;
  const int after_wait = wait_for_kernel_before();

  const Number* const x = static_cast<const Number*>(p.x) + std::int64_t{first} * p.width;
  const Number *const shift = static_cast<const Number*>(p.shift) + of_image + after_wait,
                      *const scale = static_cast<const Number*>(p.scale) + of_image + after_wait;
  Modulation<Number, (Hidden8 > 0 ? Eights : 1)> own_modulation;
  if constexpr (Hidden8 > 0) {
#pragma unroll
    for (int i = 0; i < Rows / warps; ++i) {
      const int row = warp + i * warps;
      for (int at = lane * 8; at < p.width; at += 256) {
        std::uint8_t* const to = route_memory + row * pitch + at * 2;
        if (row < rows)
          asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                           static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
                       "l"(x + std::int64_t{row} * p.width + at));
        else
          *reinterpret_cast<uint4*>(to) = make_uint4(0, 0, 0, 0);
      }
    }
    asm volatile("cp.async.commit_group;\ncp.async.wait_group 0;" ::: "memory");
    __syncthreads();

    router.multiply(route_memory, sums);
    own_modulation.read(shift, scale, p.width);  // its weights have left the registers
    __syncthreads();
    // Eight neighbouring threads for a row.
    for (int row = threadIdx.x / 8; row < Rows; row += warps * 4) {
      float logit = 0;
      for (int j = threadIdx.x % 8; j < Memory::hidden; j += 8) {
        const float unit = narrow_sum<Hidden8>(sums, row, j) + bias[j];
        logit += unit > 0 || isnan(unit) ? unit * second[j] : 0.F;
      }
#pragma unroll
      for (int other = 4; other > 0; other /= 2) logit += __shfl_xor_sync(~0U, logit, other);
      if (threadIdx.x % 8 == 0) logits[row] = logit + last_bias;
    }
    __syncthreads();
  }

  Number* const out = static_cast<Number*>(p.out);
  Number* const modulation = reinterpret_cast<Number*>(route_memory);
  if (Hidden8 == 0) stage_modulation(modulation, shift, scale, p.width);
  // Of few tokens the norms are there before it is known where they go.
  constexpr int own_rows = Hidden8 > 0 ? Rows / warps : 1;
  RowPart<Number, Eights> own[own_rows];
  const auto norm_own = [&] {
    if constexpr (Hidden8 > 0) {
#pragma unroll
      for (int i = 0; i < own_rows; ++i) {
        const int row = warp + i * warps;
        if (row >= rows) continue;
        own[i].read([&](int at) { return Eight<Number>::load(route_memory + row * pitch + at * 2); }, p.width);
        own[i].norm(own_modulation, p.width);
      }
    }
  };
  if (warp > 0) norm_own();
  if (warp == 0) {
    bool on = false;  // the lane's row
    if (lane < rows) {
      const int token = first_token + lane;
      float* const kept = p.logits ? p.logits + image * p.logits_stride + token : nullptr;
      if (Hidden8 > 0 || p.has_logits) {
        const float logit = Hidden8 > 0 ? logits[lane] : *kept;
        if (Hidden8 > 0 && kept) *kept = logit;
        on = 1 / (1 + expf(-logit)) > .5F;
      }
      if (p.imposed) on = p.imposed[image * p.imposed_stride + token];
      p.on[image * p.on_stride + token] = on;
    }
    const unsigned all_on = __ballot_sync(~0U, on);
    int base = 0;
    if (lane == 0 && all_on != 0) base = atomicAdd(p.count, __popc(all_on));
    norm_own();  // while the count is on its way
    base = __shfl_sync(~0U, base, 0);
    const int to = base + __popc(all_on & ((1U << lane) - 1));
    if (lane < Rows) place[lane] = on ? to : -1;
    if (on) p.numbers[to] = first + lane;
  }
  __syncthreads();

  if constexpr (Hidden8 > 0) {
#pragma unroll
    for (int i = 0; i < own_rows; ++i)
      if (const int row = warp + i * warps; row < rows && place[row] >= 0)
        own[i].store(out + std::int64_t{place[row]} * p.width, p.width);
  } else {
    for (int row = warp; row < rows; row += warps) {
      if (place[row] < 0) continue;
      RowPart<Number, Eights> part;
      part.read([&](int at) { return Eight<Number>::load(x + std::int64_t{row} * p.width + at); }, p.width);
      part.norm(SharedModulation<Number>{modulation, p.width}, p.width);
      part.store(out + std::int64_t{place[row]} * p.width, p.width);
    }
  }
}

template <typename Number, int Rows, int Hidden8, int Eights>
void launch_rows(const RouteLaunch& p, Stream stream) {
  const auto kernel = route<Number, Rows, Hidden8, Eights>;
  const int bytes = RouteLayout<Rows, Hidden8>::bytes(p.width);
  allow_shared_memory(kernel, bytes);
  launch_kernel(kernel, p.rows / p.tokens * ((p.tokens + Rows - 1) / Rows), warps * 32, bytes, 1, stream, p);
}

template <typename Number>
void launch_number(const RouteLaunch& p, Stream stream) {
  if (p.weight1 == nullptr || p.has_logits)
    return with_eights(p.width, [&](auto eights) { launch_rows<Number, 32, 0, decltype(eights)::value>(p, stream); });
  switch (p.width) {  // those of the published models
    case 384:
      return launch_rows<Number, narrow_rows, 384 / 128, eights_of(384)>(p, stream);
    case 768:
      return launch_rows<Number, narrow_rows, 768 / 128, eights_of(768)>(p, stream);
    case 1024:
      return launch_rows<Number, narrow_rows, 1024 / 128, eights_of(1024)>(p, stream);
    case 1152:
      return launch_rows<Number, narrow_rows, 1152 / 128, eights_of(1152)>(p, stream);
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
