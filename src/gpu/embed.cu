// SPDX-License-Identifier: Apache-2.0
// What is before the blocks: patches become tokens, and timesteps and labels the vector that adaLN reads.
#include <algorithm>

#include "check.h"
#include "kernels.h"
#include "numbers.cuh"

namespace dydit::gpu {

namespace {

constexpr int tokens_at_once = 16;

// A block has some tokens of an image, a thread eight columns of all of them.
template <typename Number, typename Input>
__global__ void patches(const PatchLaunch p) {
  extern __shared__ float patch_memory[];  // (tokens_at_once, k)
  let_next_kernel_begin();
  wait_for_kernel_before();
  const int grid = p.side / p.patch, tokens = grid * grid, k = p.channels * p.patch * p.patch;
  const int image = blockIdx.x / ((tokens + tokens_at_once - 1) / tokens_at_once);
  const int first = blockIdx.x % ((tokens + tokens_at_once - 1) / tokens_at_once) * tokens_at_once;
  const int count = min(tokens_at_once, tokens - first);
  const Input* const x = static_cast<const Input*>(p.x) + std::int64_t{image} * p.channels * p.side * p.side;
  for (int i = threadIdx.x; i < count * k; i += blockDim.x) {
    const int token = first + i / k, channel = i % k / (p.patch * p.patch), inside = i % (p.patch * p.patch);
    const int row = token / grid * p.patch + inside / p.patch, column = token % grid * p.patch + inside % p.patch;
    // In the type of the weights, as a product would read it.
    patch_memory[i] = static_cast<float>(Number(static_cast<float>(x[(channel * p.side + row) * p.side + column])));
  }
  __syncthreads();
  for (int at = threadIdx.x * 8; at < p.width; at += blockDim.x * 8) {
    float sum[tokens_at_once][8];
    const Number *const bias = static_cast<const Number*>(p.bias) + at, *const weight =
                                                                            static_cast<const Number*>(p.weight) +
                                                                            std::int64_t{at} * k;
    for (int j = 0; j < 8; ++j) {
      const float b = static_cast<float>(bias[j]);
#pragma unroll
      for (int token = 0; token < tokens_at_once; ++token) sum[token][j] = b;
    }
    for (int i = 0; i < k; ++i) {
      float w[8];
      for (int j = 0; j < 8; ++j) w[j] = static_cast<float>(weight[j * k + i]);
#pragma unroll
      for (int token = 0; token < tokens_at_once; ++token) {
        const float value = patch_memory[token * k + i];
        for (int j = 0; j < 8; ++j) sum[token][j] += value * w[j];
      }
    }
#pragma unroll
    for (int token = 0; token < tokens_at_once; ++token) {
      if (token >= count) continue;
      float position[8];
      Eight<Number>::load(static_cast<const Number*>(p.positions) + std::int64_t{first + token} * p.width + at)
          .to_floats(position);
      for (int j = 0; j < 8; ++j) sum[token][j] += position[j];
      Eight<Number>::of(sum[token])
          .store(static_cast<Number*>(p.out) + (std::int64_t{image} * tokens + first + token) * p.width + at);
    }
  }
}

__device__ inline float silu(float x) { return x / (1 + __expf(-x)); }

constexpr int sinusoids = 256, embed_warps = 4;

// A warp has one column of all images. The first of the two products reads sinusoids of the timesteps, cosines first.
template <typename Number, bool First>
__global__ __launch_bounds__(embed_warps * 32) void embed(const ConditionLaunch p) {
  let_next_kernel_begin();
  wait_for_kernel_before();
  const int column = blockIdx.x * embed_warps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (column >= p.width) return;
  const int k = First ? sinusoids : p.width;
  const Number* const weight = static_cast<const Number*>(First ? p.weight1 : p.weight2) + std::int64_t{column} * k;
  const float bias = static_cast<float>(static_cast<const Number*>(First ? p.bias1 : p.bias2)[column]);
  for (int image = 0; image < p.images; ++image) {
    float sum = 0;
    if (First) {
      const float t = p.integers ? static_cast<float>(static_cast<const std::int64_t*>(p.times)[image])
                                 : static_cast<const float*>(p.times)[image];
      for (int i = lane; i < sinusoids; i += 32) {
        constexpr int half = sinusoids / 2;
        // Of the sinusoid in the type of the weights.
        const float angle = t * p.frequencies[i % half];
        sum += static_cast<float>(weight[i]) * static_cast<float>(Number(i < half ? cosf(angle) : sinf(angle)));
      }
    } else {
      const Number* const hidden = static_cast<const Number*>(p.hidden) + std::int64_t{image} * k;
      for (int i = lane * 8; i < k; i += 256) {
        float w[8], h[8];
        Eight<Number>::load(weight + i).to_floats(w);
        Eight<Number>::load(hidden + i).to_floats(h);
        for (int j = 0; j < 8; ++j) sum += w[j] * h[j];
      }
    }
#pragma unroll
    for (int other = 16; other > 0; other /= 2) sum += __shfl_xor_sync(~0U, sum, other);
    if (lane != 0) continue;
    if (First) {
      static_cast<Number*>(p.hidden)[std::int64_t{image} * p.width + column] = Number(silu(sum + bias));
    } else {
      const float label =
          static_cast<float>(static_cast<const Number*>(p.labels)[p.label_of[image] * std::int64_t{p.width} + column]);
      static_cast<Number*>(p.out)[std::int64_t{image} * p.width + column] = Number(silu(sum + bias + label));
    }
  }
}

template <typename Number>
void launch_number(const ConditionLaunch& p, Stream stream) {
  const int blocks = (p.width + embed_warps - 1) / embed_warps;
  launch_kernel(embed<Number, true>, blocks, embed_warps * 32, 0, 1, stream, p);
  launch_kernel(embed<Number, false>, blocks, embed_warps * 32, 0, 1, stream, p);
}

template <typename Number>
void launch_number(const PatchLaunch& p, Stream stream) {
  const int tokens = p.side / p.patch * (p.side / p.patch);
  const int blocks = p.images * ((tokens + tokens_at_once - 1) / tokens_at_once);
  const int bytes = tokens_at_once * p.channels * p.patch * p.patch * static_cast<int>(sizeof(float));
  const int threads = std::min((p.width / 8 + 31) / 32 * 32, 256);
  const auto with = [&](auto kernel) { launch_kernel(kernel, blocks, threads, bytes, 1, stream, p); };
  p.floats ? with(patches<Number, float>) : with(patches<Number, Number>);
}

}  // namespace

void launch(const PatchLaunch& p, Stream stream) {
  if (p.images == 0) return;
  p.number == Number::float16 ? launch_number<__half>(p, stream) : launch_number<__nv_bfloat16>(p, stream);
}

void launch(const ConditionLaunch& p, Stream stream) {
  if (p.images == 0) return;
  p.number == Number::float16 ? launch_number<__half>(p, stream) : launch_number<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
