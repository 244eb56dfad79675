// SPDX-License-Identifier: Apache-2.0
// LayerNorm with modulation, each warp of a row.
#include <algorithm>

#include "ahead.cuh"
#include "check.h"
#include "kernels.h"
#include "norm.cuh"
#include "row_ring.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = 8;

// Of few rows a warp has one.
template <typename Number, int Eights>
__global__ __launch_bounds__(warps * 32) void norm_few(const NormLaunch p) {
  let_next_kernel_begin();
  fetch_ahead(p.ahead);
  const int row = blockIdx.x * warps + threadIdx.x / 32;
  const std::int64_t first = std::int64_t{row} * p.width, image = row / p.tokens * p.modulation_stride;
  wait_for_kernel_before();
  if (row >= p.rows) return;
  RowPart<Number, Eights> part;
  part.read([&](int at) { return Eight<Number>::load(static_cast<const Number*>(p.x) + first + at); }, p.width);
  Modulation<Number, Eights> modulation;
  modulation.read(static_cast<const Number*>(p.shift) + image, static_cast<const Number*>(p.scale) + image, p.width);
  part.norm(modulation, p.width);
  part.store(static_cast<Number*>(p.out) + first, p.width);
}

// Of many rows a block has neighbours of one image, whose modulation it keeps in shared memory, and a warp a ring of
// rows there that are copied while it works on others.
template <typename Number, int Eights>
__global__ __launch_bounds__(warps * 32, Eights > 5 ? 2 : 4) void norm_many(const NormLaunch p, int blocks_of_image) {
  extern __shared__ __align__(128) std::uint8_t norm_memory[];
  __shared__ RingBarriers<warps> barriers;
  const int warp = threadIdx.x / 32, bytes = p.width * 2;
  Number* const modulation = reinterpret_cast<Number*>(norm_memory);
  RowRing ring(norm_memory + (2 + warp * ring_rows) * bytes, barriers, bytes);
  barriers.initialise();
  let_next_kernel_begin();
  const int after_wait = wait_for_kernel_before();
  const int block = p.backwards ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
  const int image = block / blocks_of_image, rows = (p.tokens + blocks_of_image - 1) / blocks_of_image;
  const int first = block % blocks_of_image * rows, end = min(first + rows, p.tokens);
  const std::int64_t before = std::int64_t{image} * p.tokens * p.width;
  const auto push = [&](int row) {
    if (row < end) ring.push(static_cast<const Number*>(p.x) + before + std::int64_t{row} * p.width);
  };
  int row = first + warp;
  for (int i = 0; i < ring_rows; ++i) push(row + i * warps);
  const std::int64_t of_image = image * p.modulation_stride + after_wait;
  stage_modulation(modulation, static_cast<const Number*>(p.shift) + of_image,
                   static_cast<const Number*>(p.scale) + of_image, p.width);
  __syncthreads();
  for (; row < end; row += warps) {
    const std::uint8_t* const there = ring.front();
    RowPart<Number, Eights> part;
    part.read([&](int at) { return Eight<Number>::load(there + at * 2); }, p.width);
    ring.pop();
    push(row + ring_rows * warps);
    part.norm(SharedModulation<Number>{modulation, p.width}, p.width);
    part.store(static_cast<Number*>(p.out) + before + std::int64_t{row} * p.width, p.width);
  }
}

template <typename Number>
void launch_of(const NormLaunch& p, Stream stream) {
  with_eights(p.width, [&](auto eights) {
    constexpr int number = decltype(eights)::value;
    const int blocks = (p.rows + warps - 1) / warps;
    if (p.rows <= few_rows) return launch_kernel(norm_few<Number, number>, blocks, warps * 32, 0, 1, stream, p);
    const auto kernel = norm_many<Number, number>;
    const int bytes = (2 + warps * ring_rows) * p.width * 2;
    allow_shared_memory(kernel, bytes);
    int at_once = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&at_once, kernel, warps * 32, static_cast<std::size_t>(bytes)));
    const int images = p.rows / p.tokens, of_image = (p.tokens + warps - 1) / warps;
    const int blocks_of_image = std::clamp(at_once * multiprocessors() / images, 1, of_image);
    launch_kernel(kernel, images * blocks_of_image, warps * 32, bytes, 1, stream, p, blocks_of_image);
  });
}

}  // namespace

void launch(const NormLaunch& p, Stream stream) {
  if (p.rows == 0) return;
  p.number == Number::float16 ? launch_of<__half>(p, stream) : launch_of<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
