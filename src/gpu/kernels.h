// SPDX-License-Identifier: Apache-2.0
// The kernels of this room as they are launched, without LibTorch: pointers are to memory of the GPU, numbers of two
// bytes unless said otherwise. Each throws RunError where the launch fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpu/clock_reading.h"
#include "gpu/epilogue.h"
#include "gpu/few_rows.h"

struct CUstream_st;

namespace dydit::gpu {

using Stream = CUstream_st*;

enum class Number { bfloat16, float16 };

// `backwards` of a launch: the last rows come first, but in kernels for few.

/// Weights that the next products read: a kernel that leaves the memory idle fetches them into the L2 cache.
struct Ahead {
  const void* data[2];
  unsigned bytes[2];  // multiples of 16, or 0
};

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
  int tokens;                        // of an image
  const void *second, *second_bias;  // of logits: v (n) and v_b (1)
  std::int64_t out_stride;           // of logits: between images
  int out_rows;                      // of others
  bool backwards;
};

/// What a block of the kernel's computes in turn: so many rows and columns, in clusters of so many blocks.
struct Tile {
  int rows, columns, cluster;
  bool adds;  // takes a gated residual
};
const std::vector<Tile>& tiles();
void launch(const ProductLaunch& product, std::size_t tile, Stream stream);
/// The same for few rows: tiles of so many rows and columns, each by a cluster of blocks that share K among them.
struct Split {
  int rows, columns, parts;
};
const std::vector<Split>& splits();
void launch_split(const ProductLaunch& product, std::size_t split, Stream stream);
/// Of logits: float32, of at most 72 columns.
void launch_logits(const ProductLaunch& product, Stream stream);

/// LN(x) (1 + scale) + shift of `rows` rows of `width`; shift and scale (images,width).
struct NormLaunch {
  Number number;
  const void *x, *shift, *scale;
  void* out;
  int rows, width, tokens;
  std::int64_t modulation_stride;
  Ahead ahead;
  bool backwards;
};
void launch(const NormLaunch& norm, Stream stream);

/// See gpu/tokens.h.
struct RouteLaunch {
  Number number;
  const void *x, *shift, *scale;
  std::int64_t modulation_stride;
  const void *weight1, *bias1, *weight2, *bias2;  // (hidden,width), (hidden), (hidden), (1); null: no router
  bool has_logits;                                // they are there, and no router is run
  const bool* imposed;                            // or null
  bool* on;
  float* logits;                                          // or null
  std::int64_t imposed_stride, on_stride, logits_stride;  // between images
  void* out;                                              // (rows,width), the rows that are on
  int *numbers, *count;                                   // of the rows that are on; count is added to
  int rows, width, hidden, tokens;
  Ahead ahead;
  bool backwards;
};
void launch(const RouteLaunch& route, Stream stream);
/// Whether there is a kernel for a router of this hidden width.
bool has_router(int width, int hidden);

/// softmax(q k^T / sqrt(size)) v of each head: qkv (images,tokens,3 heads size) -> (images,tokens,heads size).
struct AttentionLaunch {
  Number number;
  const void* qkv;
  void* out;
  int images, tokens, heads, size;
  Ahead ahead;
  bool backwards;
};
void launch(const AttentionLaunch& attention, Stream stream);
/// Whether there is a kernel.
bool has_attention(int tokens, int size);

/// x (images,channels,side,side), of numbers or floats -> tokens (images,tokens,width) with their positions.
struct PatchLaunch {
  Number number;
  bool floats;                                // x is
  const void *x, *weight, *bias, *positions;  // (channels patch patch,width), (width), (tokens,width)
  void* out;
  int images, channels, side, patch, width;
};
void launch(const PatchLaunch& patches, Stream stream);

/// SiLU(W2 SiLU(W1 sinusoids(t) + b1) + b2 + label), (images,width): two kernels.
struct ConditionLaunch {
  Number number;
  const void* times;  // (images), int64 or float
  bool integers;
  const float* frequencies;  // (images), (128)
  const void *weight1, *bias1, *weight2, *bias2,
      *labels;                   // (width,256), (width), (width,width), (width), (classes,width)
  const std::int64_t* label_of;  // (images)
  void *hidden, *out;            // (images,width)
  int images, width;
};
void launch(const ConditionLaunch& condition, Stream stream);

/// The norm of x (images,tokens,width) times weight (columns,width), unpatched: (images,channels,side,side).
struct FinalLaunch {
  Number number;
  const void *x, *shift, *scale, *weight, *bias;
  std::int64_t modulation_stride;
  void* out;
  int images, tokens, width, columns, channels, side, patch;
};
void launch(const FinalLaunch& final_layer, Stream stream);
/// Rows of the weight that a launch reads, for so many that count; 0: no kernel.
int final_rows(int width, int columns);

/// See gpu/reuse.h.
struct ReuseLaunch {
  Number number;
  void* stream;             // (images,tokens,width)
  const void* features[8];  // (parts,images,tokens,width) of each pass
  std::int64_t part_strides[8];
  float factors[8];
  int passes;
  const void* gates;  // (images,parts,width)
  std::int64_t gate_image_stride, gate_part_stride;
  const bool* on;          // (images,parts/2,tokens), or null
  std::int64_t on_stride;  // between images
  int parts, images, tokens, width;
};
void launch(const ReuseLaunch& reuse, Stream stream);

/// A kernel that does nothing: what is before and after another one, where that is measured as a part of a pass.
void launch_nothing(Stream stream);
/// One reading by each of so many blocks, behind all that was launched before.
void launch_clock_readings(ClockReading* readings, int blocks, Stream stream);

}  // namespace dydit::gpu
