// SPDX-License-Identifier: Apache-2.0
// What is before the blocks: patches become tokens, and timesteps and labels the vector that adaLN reads.
#include <algorithm>

#include "check.h"
#include "kernels.h"
#include "norm.cuh"
#include "numbers.cuh"

namespace dydit::gpu {

namespace {

// A block has some tokens of an image, a thread eight columns of all of them, eight tokens at a time.
constexpr int tokens_at_once = 8;

template <typename Number, typename Input>
__global__ void patches(const PatchLaunch p, int tokens_of_block) {
  extern __shared__ float patch_memory[];  // (tokens_of_block, k)
  let_next_kernel_begin();
  wait_for_kernel_before();
  const int grid = p.side / p.patch, tokens = grid * grid, k = p.channels * p.patch * p.patch;
  const int parts = (tokens + tokens_of_block - 1) / tokens_of_block;
  const int image = blockIdx.x / parts, first = blockIdx.x % parts * tokens_of_block;
  const Input* const x = static_cast<const Input*>(p.x) + std::int64_t{image} * p.channels * p.side * p.side;
  for (int i = threadIdx.x; i < tokens_of_block * k; i += blockDim.x) {
    const int token = first + i / k, channel = i % k / (p.patch * p.patch), inside = i % (p.patch * p.patch);
    const int row = token / grid * p.patch + inside / p.patch, column = token % grid * p.patch + inside % p.patch;
    // In the type of the weights, as a product would read it.
    if (token < tokens)
      patch_memory[i] = static_cast<float>(Number(static_cast<float>(x[(channel * p.side + row) * p.side + column])));
  }
  __syncthreads();
  for (int at = threadIdx.x * 8; at < p.width; at += blockDim.x * 8) {
    float bias[8];
    Eight<Number>::constant(static_cast<const Number*>(p.bias) + at).to_floats(bias);
    for (int from = 0; from < tokens_of_block && first + from < tokens; from += tokens_at_once) {
      float sum[tokens_at_once][8];
#pragma unroll
      for (int token = 0; token < tokens_at_once; ++token) {
        const int of_image = min(first + from + token, tokens - 1);
        Eight<Number>::constant(static_cast<const Number*>(p.positions) + std::int64_t{of_image} * p.width + at)
            .to_floats(sum[token]);
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[token][j] += bias[j];
      }
#pragma unroll 4
      for (int i = 0; i < k; ++i) {
        float w[8];
        Eight<Number>::constant(static_cast<const Number*>(p.weight) + std::int64_t{i} * p.width + at).to_floats(w);
#pragma unroll
        for (int token = 0; token < tokens_at_once; ++token) {
          const float value = patch_memory[(from + token) * k + i];
#pragma unroll
          for (int j = 0; j < 8; ++j) sum[token][j] += value * w[j];
        }
      }
#pragma unroll
      for (int token = 0; token < tokens_at_once; ++token) {
        const int to = first + from + token;
        if (to >= tokens) continue;
        Eight<Number>::of(sum[token])
            .store(static_cast<Number*>(p.out) + (std::int64_t{image} * tokens + to) * p.width + at);
      }
    }
  }
}

__device__ inline float silu(float x) { return x / (1 + __expf(-x)); }

constexpr int sinusoids = 256, embed_warps = 8, images_at_once = 8;

// A warp has one column of some images, or of many images several columns, so that it reads them less often. The first
// of the two products reads sinusoids of the timesteps, cosines first.
template <typename Number, bool First, int Eights, int Columns>
__global__ __launch_bounds__(embed_warps * 32) void embed(const ConditionLaunch p) {
  constexpr int of_block = embed_warps * Columns;
  const int parts = (p.width + of_block - 1) / of_block, lane = threadIdx.x % 32;
  const int column = blockIdx.x % parts * of_block + threadIdx.x / 32 * Columns;
  const int first = blockIdx.x / parts * images_at_once, images = min(images_at_once, p.images - first);
  const int k = First ? sinusoids : p.width;
  let_next_kernel_begin();
  Eight<Number> weight[Columns][Eights];  // it is there before the inputs are
#pragma unroll
  for (int c = 0; c < Columns; ++c)
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      const int at = (i * 32 + lane) * 8;
      const Number* const row =
          static_cast<const Number*>(First ? p.weight1 : p.weight2) + std::int64_t{column + c} * k + at;
      weight[c][i] = column + c < p.width && at < k ? Eight<Number>::constant(row) : Eight<Number>::zero();
    }
  wait_for_kernel_before();
  __shared__ __align__(16) Number waves[First ? images_at_once * sinusoids : 1];
  if (First) {
    for (int i = threadIdx.x; i < images * sinusoids; i += embed_warps * 32) {
      constexpr int half = sinusoids / 2;
      const int image = first + i / sinusoids, wave = i % sinusoids;
      const float t = p.integers ? static_cast<float>(static_cast<const std::int64_t*>(p.times)[image])
                                 : static_cast<const float*>(p.times)[image];
      const float angle = t * p.frequencies[wave % half];
      waves[i] = Number(wave < half ? cosf(angle) : sinf(angle));  // in the type of the weights
    }
    __syncthreads();
  }
  if (column >= p.width) return;
  const Number* const inputs = First ? waves : static_cast<const Number*>(p.hidden) + std::int64_t{first} * k;
#pragma unroll 1
  for (int i = 0; i < images; ++i) {
    Eight<Number> input[Eights];
#pragma unroll
    for (int e = 0; e < Eights; ++e) {
      const int at = (e * 32 + lane) * 8;
      input[e] = at < k ? Eight<Number>::load(inputs + i * k + at) : Eight<Number>::zero();
    }
    float sum[Columns] = {};
#pragma unroll
    for (int e = 0; e < Eights; ++e) {
      float h[8];
      input[e].to_floats(h);
#pragma unroll
      for (int c = 0; c < Columns; ++c) {
        float w[8];
        weight[c][e].to_floats(w);
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[c] += w[j] * h[j];
      }
    }
#pragma unroll
    for (int c = 0; c < Columns; ++c) {
      if (column + c >= p.width) continue;
      const float value =
          sum_of_warp(sum[c]) + static_cast<float>(static_cast<const Number*>(First ? p.bias1 : p.bias2)[column + c]);
      if (lane != 0) continue;
      const std::int64_t image = first + i, at = image * p.width + column + c;
      if (First) {
        static_cast<Number*>(p.hidden)[at] = Number(silu(value));
      } else {
        const float label =
            static_cast<float>(static_cast<const Number*>(p.labels)[p.label_of[image] * p.width + column + c]);
        static_cast<Number*>(p.out)[at] = Number(silu(value + label));
      }
    }
  }
}

template <typename Number, int Columns>
void launch_columns(const ConditionLaunch& p, Stream stream) {
  constexpr int of_block = embed_warps * Columns;
  const int blocks = (p.width + of_block - 1) / of_block * ((p.images + images_at_once - 1) / images_at_once);
  launch_kernel(embed<Number, true, eights_of(sinusoids), Columns>, blocks, embed_warps * 32, 0, 1, stream, p);
  with_eights(p.width, [&](auto eights) {
    launch_kernel(embed<Number, false, decltype(eights)::value, Columns>, blocks, embed_warps * 32, 0, 1, stream, p);
  });
}

template <typename Number>
void launch_number(const ConditionLaunch& p, Stream stream) {
  p.images > images_at_once ? launch_columns<Number, 2>(p, stream) : launch_columns<Number, 1>(p, stream);
}

template <typename Number>
void launch_number(const PatchLaunch& p, Stream stream) {
  const int tokens = p.side / p.patch * (p.side / p.patch);
  // Of many tokens a block reads its weights for several turns.
  const int tokens_of_block = p.images * tokens > 4096 ? 4 * tokens_at_once : tokens_at_once;
  const int blocks = p.images * ((tokens + tokens_of_block - 1) / tokens_of_block);
  const int bytes = tokens_of_block * p.channels * p.patch * p.patch * static_cast<int>(sizeof(float));
  const int threads = std::min((p.width / 8 + 31) / 32 * 32, 256);
  const auto with = [&](auto kernel) {
    allow_shared_memory(kernel, bytes);
    launch_kernel(kernel, blocks, threads, bytes, 1, stream, p, tokens_of_block);
  };
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
