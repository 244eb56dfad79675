// SPDX-License-Identifier: Apache-2.0
// A persistent product for Hopper. Of a block's three warpgroups one copies tiles into a ring of stages, and two take
// the block's tiles in turn: while one writes its own out, the other multiplies. The number of rows may lie on the GPU:
// blocks stop at it, so that rows beyond cost nothing.
#include <algorithm>

#include "check.h"
#include "kernels.h"
#include "writer.cuh"

namespace dydit::gpu {

namespace {

// What the blocks of a cluster have in common, and each copies a part of to all.
enum class Common { weight, x };

constexpr int writers = 8;  // warps

template <int Rows, int Columns, Epilogue epilogue>
struct Layout {
  using Of = Writer<__half, Columns, epilogue>;
  static constexpr int x_bytes = Rows * depth * 2, weight_bytes = Columns * depth * 2;
  static constexpr int buffers = Of::buffers(Rows);
  static constexpr int writer_bytes = epilogue == Epilogue::logits ? 0 : buffers * Of::bytes;
  static constexpr int barrier_bytes = 512, rest = 1024 + writers * writer_bytes + barrier_bytes;
  static constexpr int stages = (most_shared_bytes - rest) / (x_bytes + weight_bytes);  // as many as there is room for
  static constexpr int bytes = rest + stages * (x_bytes + weight_bytes);
  static_assert((2 * stages + writers * buffers) * int(sizeof(Barrier)) <= barrier_bytes);
};

// Named barriers 1 and 2: whose turn it is to multiply.
__device__ inline void wait_for_turn(int group) {
  if (group == 0)
    asm volatile("bar.sync 1, 256;" ::: "memory");
  else
    asm volatile("bar.sync 2, 256;" ::: "memory");
}
__device__ inline void give_turn_to(int group) {
  if (group == 0)
    asm volatile("bar.arrive 1, 256;" ::: "memory");
  else
    asm volatile("bar.arrive 2, 256;" ::: "memory");
}

template <typename Number, int Rows, int Columns, int Cluster, Common common, Epilogue epilogue>
__global__ __launch_bounds__(384, 1) void product(const __grid_constant__ CUtensorMap x,
                                                  const __grid_constant__ CUtensorMap weight,
                                                  const __grid_constant__ CUtensorMap out, const Arguments p) {
  using Memory = Layout<Rows, Columns, epilogue>;
  constexpr int stages = Memory::stages, eights = Columns / 8;
  constexpr int parts = Rows / 64;  // of a tile, each a product of 64 rows
  extern __shared__ std::uint8_t raw[];
  std::uint8_t* const x_tiles = raw + (-shared_address(raw) & 1023);
  std::uint8_t* const weight_tiles = x_tiles + stages * Memory::x_bytes;
  std::uint8_t* const written = weight_tiles + stages * Memory::weight_bytes;
  Barrier* const full = reinterpret_cast<Barrier*>(written + writers * Memory::writer_bytes);
  Barrier *const empty = full + stages, *const read = empty + stages;

  const int warpgroup = __shfl_sync(~0U, threadIdx.x / 128, 0);
  std::uint32_t rank = 0;
  if (Cluster > 1) asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; ++i) {
      full[i].initialise(1);
      empty[i].initialise(Cluster);
    }
    for (int i = 0; i < writers * Memory::buffers; ++i) read[i].initialise(1);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  if (Cluster > 1)
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
  else
    __syncthreads();
  let_next_kernel_begin();
  wait_for_kernel_before();

  const int m = p.count ? min(*p.count, p.m) : p.m;
  constexpr int span_rows = common == Common::weight ? Rows * Cluster : Rows,
                span_columns = common == Common::x ? Columns * Cluster : Columns;
  const int across = (p.n + span_columns - 1) / span_columns, down = (m + span_rows - 1) / span_rows;
  const int tiles = across * down, steps = max((p.k + depth - 1) / depth, 1);
  const int begin = p.k == 0 ? depth : 0;  // beyond the matrices, where they are zero
  const int first = blockIdx.x / Cluster, clusters = gridDim.x / Cluster;
  const auto first_row = [&](int tile) {
    const int of = tile / across;
    return (p.backwards ? down - 1 - of : of) * span_rows + (common == Common::weight ? int(rank) * Rows : 0);
  };
  const auto first_column = [&](int tile) {
    return tile % across * span_columns + (common == Common::x ? int(rank) * Columns : 0);
  };
  Place<stages> place;

  if (warpgroup == 0) {  // copies
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (threadIdx.x != 0) return;
    for (int tile = first; tile < tiles; tile += clusters)
      for (int step = 0; step < steps; ++step, place.next()) {
        const int stage = place.stage;
        empty[stage].wait(place.parity ^ 1);
        full[stage].expect(Memory::x_bytes + Memory::weight_bytes);
        const auto copy = [&](std::uint8_t* to, const CUtensorMap& matrix, int row, int rows, bool shared) {
          const int column = begin + step * depth;
          if (!shared) return copy_tile(to, matrix, full[stage], row, column);
          const int part = rows / Cluster * int(rank);
          copy_tile_to((1 << Cluster) - 1, to + part * depth * 2, matrix, full[stage], row + part, column);
        };
        copy(x_tiles + stage * Memory::x_bytes, x, first_row(tile), Rows, Cluster > 1 && common == Common::x);
        copy(weight_tiles + stage * Memory::weight_bytes, weight, first_column(tile), Columns,
             Cluster > 1 && common == Common::weight);
      }
    // The others of the cluster still arrive at this block's barriers.
    if (Cluster > 1)
      for (int i = 0; i < stages; ++i, place.next()) empty[place.stage].wait(place.parity ^ 1);
    return;
  }

  asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
  const int group = warpgroup - 1, thread = threadIdx.x % 128, lane = threadIdx.x % 32;
  const int warp = __shfl_sync(~0U, thread / 32, 0);
  const int writer_number = group * 4 + warp;
  Writer<Number, Columns, epilogue> writer(p, out, written + writer_number * Memory::writer_bytes,
                                           read + writer_number * Memory::buffers);
  if (group == 1) {
    place.skip(steps);
    give_turn_to(0);
  }
  for (int tile = first + group * clusters; tile < tiles; tile += 2 * clusters) {
    const int row = first_row(tile), column = first_column(tile);
    SixteenRows rows[parts];  // a warp writes sixteen of each part
    typename Writer<Number, Columns, epilogue>::Constants constants;
    std::uint32_t second[eights];
    writer.read_bias(constants, column);
    if constexpr (epilogue == Epilogue::logits) {
      writer.read_pairs(second, p.second, column);
    } else {
#pragma unroll
      for (int i = 0; i < parts; ++i) {
        rows[i] = writer.rows(row + i * 64 + warp * written_rows, m);
        writer.read_stream(i, rows[i], column);
      }
    }

    float sum[parts][Columns / 2];
    wait_for_turn(group);
    int before = -1;
    for (int step = 0; step < steps; ++step, place.next()) {
      const int stage = place.stage;
      full[stage].wait(place.parity);
      begin_products();
#pragma unroll
      for (int k = 0; k < 4; ++k)
#pragma unroll
        for (int i = 0; i < parts; ++i)
          multiply<Number, Columns>(sum[i], operand(x_tiles + stage * Memory::x_bytes + i * 64 * depth * 2) + 2 * k,
                                    operand(weight_tiles + stage * Memory::weight_bytes) + 2 * k, step > 0 || k > 0);
      commit_products();
      // From here on the other one's stages come: a wait tells only one phase from the next.
      if (step == steps - 1) give_turn_to(1 - group);
      wait_for_products<1>();
      if (before >= 0 && thread < Cluster) empty[before].arrive_at(thread);
      before = stage;
    }
    if constexpr (epilogue != Epilogue::logits) writer.read_gates(constants, rows[0], column);
    wait_for_products<0>();
    if (thread < Cluster) empty[before].arrive_at(thread);
    place.skip(steps);

    if constexpr (epilogue == Epilogue::logits) {
#pragma unroll
      for (int i = 0; i < parts; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float logit = 0;
#pragma unroll
          for (int e = 0; e < eights; ++e) {
            if (column + e * 8 + lane % 4 * 2 >= p.n) continue;
            const float2 b = floats<Number>(constants.bias[e]), v = floats<Number>(second[e]);
            const float left = sum[i][e * 4 + half * 2] + b.x, right = sum[i][e * 4 + half * 2 + 1] + b.y;
            logit += (left > 0 || isnan(left) ? left * v.x : 0.F) + (right > 0 || isnan(right) ? right * v.y : 0.F);
          }
          logit += __shfl_xor_sync(~0U, logit, 1);
          logit += __shfl_xor_sync(~0U, logit, 2);
          const int to = row + i * 64 + warp * written_rows + half * 8 + lane / 4;
          if (lane % 4 == 0 && to < m)
            static_cast<float*>(p.out)[to / p.tokens * p.out_stride + to % p.tokens] =
                logit + static_cast<float>(*static_cast<const Number*>(p.second_bias));
        }
    } else {
#pragma unroll
      for (int i = 0; i < parts; ++i) {
        const int buffer = i % Memory::buffers;
        writer.finish(buffer, rows[i], sum[i], constants);
        if (i + 1 < parts) writer.read_gates(constants, rows[i + 1], column);
        writer.write(buffer, rows[i], column);
      }
    }
  }
  if constexpr (epilogue != Epilogue::logits) writer.let_leave();
}

template <typename Number, int Rows, int Columns, int Cluster, Common common, Epilogue epilogue>
void launch_tiled(const ProductLaunch& p, Stream stream) {
  const auto kernel = product<Number, Rows, Columns, Cluster, common, epilogue>;
  constexpr int bytes = Layout<Rows, Columns, epilogue>::bytes;
  allow_shared_memory(kernel, bytes);
  // A block copies a part of what its cluster has in common.
  const Operands of = operands_of(p, common == Common::x ? Rows / Cluster : Rows,
                                  common == Common::weight ? Columns / Cluster : Columns);
  constexpr int span_rows = common == Common::weight ? Rows * Cluster : Rows,
                span_columns = common == Common::x ? Columns * Cluster : Columns;
  const int tiles = (p.m + span_rows - 1) / span_rows * ((p.n + span_columns - 1) / span_columns);
  launch_kernel(kernel, std::min(multiprocessors() / Cluster, tiles) * Cluster, 384, bytes, Cluster, stream, of.x,
                of.weight, of.out, arguments_of(p));
}

// Beside the sum of a larger tile there are no registers for the gates of a residual.
constexpr int most_of_residual = 128 * 128;

template <int Rows, int Columns, int Cluster, Common common>
void launch_any(const ProductLaunch& p, Stream stream) {
  const auto of_number = [&](auto number) {
    using Type = decltype(number);
    switch (p.epilogue) {
      case Epilogue::bias:
        return launch_tiled<Type, Rows, Columns, Cluster, common, Epilogue::bias>(p, stream);
      case Epilogue::gelu:
        return launch_tiled<Type, Rows, Columns, Cluster, common, Epilogue::gelu>(p, stream);
      case Epilogue::gated_residual:
        if constexpr (Rows * Columns <= most_of_residual)
          return launch_tiled<Type, Rows, Columns, Cluster, common, Epilogue::gated_residual>(p, stream);
        break;
      case Epilogue::logits:
        break;
    }
    require(false, "a tile that has no such epilogue");
  };
  if (p.number == Number::float16)
    of_number(__half{});
  else
    of_number(__nv_bfloat16{});
}

struct Tiled {
  Tile tile;
  void (*launch)(const ProductLaunch&, Stream);
};
template <int Rows, int Columns, int Cluster, Common common = Common::weight>
constexpr Tiled tiled{{Rows, Columns, Cluster, Rows* Columns <= most_of_residual},
                      launch_any<Rows, Columns, Cluster, common>};

constexpr Tiled all_tiles[] = {tiled<128, 144, 2>, tiled<128, 128, 2>,          tiled<64, 128, 2>,
                               tiled<64, 112, 2>,  tiled<64, 96, 2, Common::x>, tiled<64, 72, 2, Common::x>,
                               tiled<64, 72, 1>};

}  // namespace

const std::vector<Tile>& tiles() {
  static const std::vector<Tile> all = [] {
    std::vector<Tile> list;
    for (const Tiled& one : all_tiles) list.push_back(one.tile);
    return list;
  }();
  return all;
}

void launch(const ProductLaunch& p, std::size_t tile, Stream stream) {
  if (p.m == 0 || p.n == 0) return;
  all_tiles[tile].launch(p, stream);
}

void launch_logits(const ProductLaunch& p, Stream stream) {
  constexpr int columns = 72;
  require(p.n <= columns, "a router of more than 72 hidden units");
  if (p.m == 0) return;
  if (p.number == Number::float16)
    launch_tiled<__half, 64, columns, 1, Common::weight, Epilogue::logits>(p, stream);
  else
    launch_tiled<__nv_bfloat16, 64, columns, 1, Common::weight, Epilogue::logits>(p, stream);
}

}  // namespace dydit::gpu
