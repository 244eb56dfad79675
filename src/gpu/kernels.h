// SPDX-License-Identifier: Apache-2.0
// The kernels of this room as they are launched, without LibTorch: pointers are to memory of the GPU, numbers of two
// bytes unless said otherwise. Each throws RunError where the launch fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpu/epilogue.h"

struct CUstream_st;

namespace dydit::gpu {

using Stream = CUstream_st*;

enum class Number { bfloat16, float16 };

/// x (m,k) times weight (n,k) transposed, for the first `*count` rows where a count is given.
struct ProductLaunch {
  Number number;
  Epilogue epilogue;
  const void *x, *weight, *bias;  // bias (n)
  void* out;                      // (m,n); with a gated residual the rows that are added to
  int m, n, k;
  std::int64_t x_stride, weight_stride;  // between rows
  const int* count;                      // or null: m
  const int* rows;                       // of a gated residual: where each row is added, or null: where it stands
  const void* gate;                      // (images,n), of a gated residual
  std::int64_t gate_stride;
  int tokens;  // of an image
};

/// What a block of the kernel's computes in turn: so many rows and columns, in clusters of so many blocks.
struct Tile {
  int rows, columns, cluster;
};
const std::vector<Tile>& tiles();
void launch(const ProductLaunch& product, std::size_t tile, Stream stream);

/// LN(x) (1 + scale) + shift of `rows` rows of `width`; shift and scale (images,width).
struct NormLaunch {
  Number number;
  const void *x, *shift, *scale;
  void* out;
  int rows, width, tokens;
  std::int64_t modulation_stride;
};
void launch(const NormLaunch& norm, Stream stream);

/// See gpu/tokens.h.
struct RouteLaunch {
  Number number;
  const void *x, *shift, *scale;
  std::int64_t modulation_stride;
  const void *weight1, *bias1, *weight2, *bias2;  // (hidden,width), (hidden), (hidden), (1); null: no router
  const bool* imposed;                            // or null
  bool* on;
  float* logits;                                          // or null
  std::int64_t imposed_stride, on_stride, logits_stride;  // between images
  void* out;                                              // (rows,width), the rows that are on
  int *numbers, *count;                                   // of the rows that are on; count is added to
  int rows, width, hidden, tokens;
};
void launch(const RouteLaunch& route, Stream stream);
/// Whether there is a kernel for a router of this hidden width.
bool has_router(int width, int hidden);

}  // namespace dydit::gpu
