// SPDX-License-Identifier: Apache-2.0
// Attention for Hopper over 256 keys at a time, whose scores all lie in the registers of a warpgroup: of as many tokens
// there is one maximum and one sum, and nothing is scaled again. Of a block's three warpgroups one copies, and two
// take 64 queries each; while one makes its softmax, the other multiplies.
#include <algorithm>
#include <cmath>

#include "ahead.cuh"
#include "check.h"
#include "kernels.h"
#include "numbers.cuh"
#include "tensor_map.h"
#include "wgmma.cuh"

namespace dydit::gpu {

namespace {

constexpr int keys = 256, queries = 64, groups = 2, stages = 2;

// Rows of a head lie in shared memory as 64 columns and, where a head has 72, 16 more, of which the last ones are 0.
template <int Size>
struct HeadLayout {
  static constexpr bool has_tail = Size > 64;
  static constexpr int row_bytes = has_tail ? 128 + 32 : 128;
  static constexpr int keys_bytes = keys * row_bytes, queries_bytes = queries * row_bytes;
  static constexpr int writer_bytes = 16 * Size * 2, writers = 4 * groups;
  static constexpr int slots = stages * groups;  // of queries
  static constexpr int barriers = 3 * stages + 2 * slots;
  static constexpr int bytes =
      1024 + 2 * stages * keys_bytes + slots * queries_bytes + writers * writer_bytes + barriers * int(sizeof(Barrier));
};

struct AttentionArguments {
  int images, tokens, heads;
  int tiles;    // of 64 queries that a warpgroup takes of an item
  float scale;  // of scores, with log2(e) in it
  bool backwards;
  Ahead ahead;
};

__device__ inline float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Of the four lanes that have a row's numbers.
template <typename Reduce>
__device__ float of_row(float x, const Reduce& reduce) {
  x = reduce(x, __shfl_xor_sync(~0U, x, 1));
  return reduce(x, __shfl_xor_sync(~0U, x, 2));
}

template <typename Number, int Size>
__global__ __launch_bounds__(384, 1) void attention(const __grid_constant__ CUtensorMap wide,
                                                    const __grid_constant__ CUtensorMap tail,
                                                    const __grid_constant__ CUtensorMap out,
                                                    const AttentionArguments p) {
  using Memory = HeadLayout<Size>;
  extern __shared__ std::uint8_t raw[];
  std::uint8_t* const key_rows = raw + (-shared_address(raw) & 1023);
  std::uint8_t* const value_rows = key_rows + stages * Memory::keys_bytes;
  std::uint8_t* const query_rows = value_rows + stages * Memory::keys_bytes;
  std::uint8_t* const written = query_rows + Memory::slots * Memory::queries_bytes;
  Barrier* const keys_full = reinterpret_cast<Barrier*>(written + Memory::writers * Memory::writer_bytes);
  Barrier *const values_full = keys_full + stages, *const keys_empty = values_full + stages;
  Barrier *const queries_full = keys_empty + stages, *const queries_empty = queries_full + Memory::slots;

  const int warpgroup = __shfl_sync(~0U, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; ++i) {
      keys_full[i].initialise(1);
      values_full[i].initialise(1);
      keys_empty[i].initialise(groups);
    }
    for (int i = 0; i < Memory::slots; ++i) {
      queries_full[i].initialise(1);
      queries_empty[i].initialise(1);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  let_next_kernel_begin();
  fetch_ahead(p.ahead);
  wait_for_kernel_before();

  const int blocks = p.tokens / keys, item_queries = p.tiles * groups * queries, parts = p.tokens / item_queries;
  const int items = p.images * p.heads * parts;
  // Items are counted as they come.
  const auto item_at = [&](int number) { return p.backwards ? items - 1 - number : number; };
  const auto query_of = [&](int item, int tile, int group) {
    return item % parts * item_queries + (tile * groups + group) * queries;
  };
  // Places of keys and of queries in their rings.
  int key_stage = 0, query_stage = 0;
  std::uint32_t key_parity = 0, query_parity = 0;
  const auto next = [](int& stage, std::uint32_t& parity) {
    stage ^= 1;
    parity ^= stage == 0;
  };

  if (warpgroup == 0) {  // copies
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x != 0) return;
    const auto copy = [&](std::uint8_t* to, Barrier& full, int rows, int head, int row, int image) {
      full.expect(rows * Memory::row_bytes);
#pragma unroll 1
      for (int i = 0; i < rows; i += queries) {
        copy_box(to + i * 128, wide, full, 0, head, row + i, image);
        if (Memory::has_tail) copy_box(to + rows * 128 + i * 32, tail, full, 64, head, row + i, image);
      }
    };
    for (int number = blockIdx.x; number < items; number += gridDim.x) {
      const int item = item_at(number);
      const int head = item / parts % p.heads, image = item / parts / p.heads;
      for (int tile = 0; tile < p.tiles; ++tile) {
#pragma unroll 1
        for (int group = 0; group < groups; ++group) {
          const int slot = group * stages + query_stage;
          queries_empty[slot].wait(query_parity ^ 1);
          copy(query_rows + slot * Memory::queries_bytes, queries_full[slot], queries, head,
               query_of(item, tile, group), image);
        }
        next(query_stage, query_parity);
        for (int block = 0; block < (tile == 0 ? blocks : 0); ++block) {
          keys_empty[key_stage].wait(key_parity ^ 1);
          copy(key_rows + key_stage * Memory::keys_bytes, keys_full[key_stage], keys, p.heads + head, block * keys,
               image);
          copy(value_rows + key_stage * Memory::keys_bytes, values_full[key_stage], keys, 2 * p.heads + head,
               block * keys, image);
          next(key_stage, key_parity);
        }
      }
    }
    return;
  }

  asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
  const int group = warpgroup - 1, thread = threadIdx.x % 128, lane = threadIdx.x % 32;
  const int warp = __shfl_sync(~0U, thread / 32, 0);
  std::uint8_t* const mine = written + (group * 4 + warp) * Memory::writer_bytes;
  // Where the scores are from: the step of an item's tile of queries with a block of keys.
  int item = blockIdx.x, tile = 0, block = 0;
  if (item >= items) return;

  float score[keys / 2];
  const auto begin_scores = [&] {
    const int slot = group * stages + query_stage;
    queries_full[slot].wait(query_parity);
    keys_full[key_stage].wait(key_parity);
  };
  const auto multiply_scores = [&](int of_query, int of_key) {
    const std::uint8_t *const query = query_rows + (group * stages + of_query) * Memory::queries_bytes,
                              *const key = key_rows + of_key * Memory::keys_bytes;
    begin_products();
#pragma unroll
    for (int k = 0; k < 4; ++k) multiply<Number, keys>(score, operand(query) + 2 * k, operand(key) + 2 * k, k > 0);
    if (Memory::has_tail)
      multiply<Number, keys>(score, narrow_operand(query + queries * 128), narrow_operand(key + keys * 128), true);
    commit_products();
  };
  begin_scores();
  multiply_scores(query_stage, key_stage);
  float mixed[32], mixed_tail[4], highest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
  for (bool more = true; more;) {
    wait_for_products<0>();
    const bool last_block = block == blocks - 1;
    if (last_block && thread == 0) queries_empty[group * stages + query_stage].arrive_at(0);

    float tops[2][4], top[2];  // four at a time, which do not wait for one another
#pragma unroll
    for (int i = 0; i < keys / 2; ++i) {
      float& of_four = tops[i / 2 % 2][i / 4 % 4];
      of_four = i < 16 && i % 2 == 0 ? score[i] : fmaxf(of_four, score[i]);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float(&four)[4] = tops[half];
      top[half] = fmaxf(fmaxf(fmaxf(four[0], four[1]), fmaxf(four[2], four[3])), highest[half]);
      top[half] = of_row(top[half], [](float a, float b) { return fmaxf(a, b); });
      if (block > 0) {
        const float again = power_of_two((highest[half] - top[half]) * p.scale);
        total[half] *= again;
#pragma unroll
        for (int i = 0; i < 16; ++i) mixed[i / 2 * 4 + half * 2 + i % 2] *= again;
        for (int i = 0; i < 2; ++i) mixed_tail[half * 2 + i] *= again;
      }
      highest[half] = top[half];
    }

    // While the values of one half of the keys are mixed, the other half's weights are computed.
    const std::uint8_t* const value = value_rows + key_stage * Memory::keys_bytes;
    std::uint32_t weights[2][keys / 8];
    float sums[2][2] = {{total[0], 0}, {total[1], 0}};
#pragma unroll
    for (int part = 0; part < 2; ++part) {
#pragma unroll
      for (int i = 0; i < keys / 8; ++i) {
        const int at = part * keys / 4 + 2 * i, half = i % 2;
        const float left = power_of_two(score[at] * p.scale - top[half] * p.scale),
                    right = power_of_two(score[at + 1] * p.scale - top[half] * p.scale);
        sums[half][i / 2 % 2] += left + right;
        weights[part][i] = packed<Number>(left, right);
      }
      if (part == 0) values_full[key_stage].wait(key_parity);
      begin_products();
#pragma unroll
      for (int k = 0; k < keys / 32; ++k) {
        const std::uint32_t four[4] = {weights[part][4 * k], weights[part][4 * k + 1], weights[part][4 * k + 2],
                                       weights[part][4 * k + 3]};
        const int row = part * keys / 2 + k * 16;
        const bool add = block > 0 || part > 0 || k > 0;
        multiply_rows<Number, 64>(mixed, four, operand(value + row * 128), add);
        if (Memory::has_tail)
          multiply_rows<Number, 8>(mixed_tail, four, narrow_operand(value + keys * 128 + row * 32), add);
      }
      commit_products();
    }

    for (int half = 0; half < 2; ++half) total[half] = sums[half][0] + sums[half][1];

    // The next step's scores are begun before this one's result is written.
    const int stage = key_stage, of_item = item_at(item), of_tile = tile;
    const bool last_use = tile == p.tiles - 1;
    if (last_use) next(key_stage, key_parity);
    block = last_block ? 0 : block + 1;
    if (last_block) {
      next(query_stage, query_parity);
      tile = last_use ? 0 : tile + 1;
      item += last_use ? gridDim.x : 0;
    }
    more = item < items;
    if (more) begin_scores();
    wait_for_products<1>();                   // the first half's weights make room in the registers
    multiply_scores(query_stage, key_stage);  // of nothing, behind the last one
    wait_for_products<1>();
    if (last_use && thread == 0) keys_empty[stage].arrive_at(0);
    if (!last_block) continue;

    float share[2];
    for (int half = 0; half < 2; ++half) share[half] = 1 / of_row(total[half], [](float a, float b) { return a + b; });
    constexpr int eights = Size / 8;
    if (lane == 0) wait_until_copied_out();
    __syncwarp();
#pragma unroll
    for (int e = 0; e < eights; e += 2) {
      std::uint32_t values[4] = {};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = (e + i / 2) * 4 + i % 2 * 2;
        if (e + i / 2 < 8)
          values[i] = packed<Number>(mixed[at % 32] * share[i % 2], mixed[at % 32 + 1] * share[i % 2]);
        else if (e + i / 2 < eights)
          values[i] = packed<Number>(mixed_tail[i % 2 * 2] * share[i % 2], mixed_tail[i % 2 * 2 + 1] * share[i % 2]);
      }
      const int at = e + lane / 16;  // rows of 128 bytes are swizzled
      store_sixteen(shared_address(mine + lane % 16 * Size * 2 + (Memory::has_tail ? at : at ^ lane % 8) * 16), values,
                    e + 1 < eights);
    }
    show_to_copies();
    __syncwarp();
    if (lane == 0)
      copy_box_out(out, mine, 0, of_item / parts % p.heads, query_of(of_item, of_tile, group) + warp * 16,
                   of_item / parts / p.heads);
    for (int half = 0; half < 2; ++half) {
      highest[half] = -INFINITY;
      total[half] = 0;
    }
  }
  wait_for_products<0>();
  if (lane == 0) wait_until_copied_out();
}

template <typename Type, int Size>
void launch_sized(const AttentionLaunch& p, Stream stream) {
  const auto kernel = attention<Type, Size>;
  constexpr int bytes = HeadLayout<Size>::bytes;
  allow_shared_memory(kernel, bytes);
  const std::int64_t size = p.size, all = 3 * p.heads * size;
  const auto rows = [&](int columns) {
    return tensor_map(p.number, p.qkv, {size, 3 * p.heads, p.tokens, p.images}, {size, all, p.tokens * all},
                      {columns, 1, queries, 1});
  };
  // Keys are copied for all queries at once where that takes no longer in whole turns of all multiprocessors.
  const auto turns = [](int items) { return (items + multiprocessors() - 1) / multiprocessors(); };
  const int heads = p.images * p.heads, tiles = p.tokens == keys && 2 * turns(heads) <= turns(2 * heads) ? 2 : 1;
  const int items = heads * (p.tokens / (tiles * groups * queries));
  const AttentionArguments arguments{
      p.images,    p.tokens, p.heads, tiles, static_cast<float>(1.4426950408889634 / std::sqrt(double(p.size))),
      p.backwards, p.ahead};
  const CUtensorMap out = tensor_map(p.number, p.out, {size, p.heads, p.tokens, p.images},
                                     {size, p.heads * size, p.tokens * p.heads * size}, {p.size, 1, 16, 1});
  launch_kernel(kernel, std::min(multiprocessors(), items), 384, bytes, 1, stream, rows(64), rows(16), out, arguments);
}

template <typename Type>
void launch_any_size(const AttentionLaunch& p, Stream stream) {
  p.size == 64 ? launch_sized<Type, 64>(p, stream) : launch_sized<Type, 72>(p, stream);
}

}  // namespace

bool has_attention(int tokens, int size) { return tokens % keys == 0 && (size == 64 || size == 72); }

void launch(const AttentionLaunch& p, Stream stream) {
  require(has_attention(p.tokens, p.size), "attention of these shapes");
  if (p.images == 0 || p.tokens == 0 || p.heads == 0) return;
  p.number == Number::float16 ? launch_any_size<__half>(p, stream) : launch_any_size<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
