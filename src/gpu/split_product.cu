// SPDX-License-Identifier: Apache-2.0
// A product of few rows, whose time is that of copying: a block of threads has one tile that is as large as can be, so
// that little is copied twice, and the blocks of a cluster each sum over a part of K. In a graph weights are on their
// way before the kernel before has ended.
#include <algorithm>

#include "check.h"
#include "writer.cuh"

namespace dydit::gpu {

namespace {

constexpr int tile_rows = 128, warps = tile_rows / written_rows;

template <int Columns, int Parts, Epilogue epilogue>
struct SplitLayout {
  static constexpr int x_bytes = tile_rows * depth * 2, weight_bytes = Columns * depth * 2;
  static constexpr int owners = (warps + Parts - 1) / Parts;  // warps of a block, at most, that write their rows
  static constexpr int writer_bytes = Writer<__half, Columns, epilogue>::bytes;
  static constexpr int sum_bytes = written_rows * Columns * 4, received_bytes = (Parts - 1) * owners * sum_bytes;
  static constexpr int barrier_bytes = 256, rest = 1024 + owners * writer_bytes + received_bytes + barrier_bytes;
  static constexpr int stages = std::min((most_shared_bytes - rest) / (x_bytes + weight_bytes), 6);
  static constexpr int bytes = rest + stages * (x_bytes + weight_bytes);
  static_assert((2 * stages + owners) * int(sizeof(Barrier)) <= barrier_bytes);
};

template <typename Number, int Columns, int Parts, Epilogue epilogue>
__global__ __launch_bounds__(384, 1) void split_product(const __grid_constant__ CUtensorMap x,
                                                        const __grid_constant__ CUtensorMap weight,
                                                        const __grid_constant__ CUtensorMap out, const Arguments p) {
  using Memory = SplitLayout<Columns, Parts, epilogue>;
  constexpr int stages = Memory::stages;
  extern __shared__ std::uint8_t raw[];
  std::uint8_t* const x_tiles = raw + (-shared_address(raw) & 1023);
  std::uint8_t* const weight_tiles = x_tiles + stages * Memory::x_bytes;
  std::uint8_t* const written = weight_tiles + stages * Memory::weight_bytes;  // at a multiple of 1,024
  std::uint8_t* const received = written + Memory::owners * Memory::writer_bytes;
  Barrier* const full = reinterpret_cast<Barrier*>(received + Memory::received_bytes);
  Barrier *const empty = full + stages, *const read = empty + stages;

  const int warpgroup = __shfl_sync(~0U, threadIdx.x / 128, 0), part = blockIdx.x % Parts;
  if (threadIdx.x == 0) {
    for (int i = 0; i < stages; ++i) {
      full[i].initialise(1);
      empty[i].initialise(2);
    }
    for (int i = 0; i < Memory::owners; ++i) read[i].initialise(1);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (Parts > 1) arrive_at_cluster();  // this block is there to be written to
  let_next_kernel_begin();

  const int across = (p.n + Columns - 1) / Columns, tile = blockIdx.x / Parts;
  const int row = tile / across * tile_rows, column = tile % across * Columns;
  const int all = max((p.k + depth - 1) / depth, 1), begin = all * part / Parts,
            steps = all * (part + 1) / Parts - begin;
  // Of no columns: beyond the matrices, where they are zero.
  const auto column_of = [&](int step) { return p.k == 0 ? depth : (begin + step) * depth; };
  const auto copy_weight = [&](int step, int stage) {
    full[stage].expect(Memory::x_bytes + Memory::weight_bytes);
    copy_tile(weight_tiles + stage * Memory::weight_bytes, weight, full[stage], column, column_of(step));
  };
  const int ahead = min(stages, steps);
  const auto copy_first_weights = [&] {
    if (threadIdx.x == 0)
      for (int step = 0; step < ahead; ++step) copy_weight(step, step);
  };
  if (p.old_weight) copy_first_weights();
  wait_for_kernel_before();
  if (!p.old_weight) copy_first_weights();
  const int m = p.count ? min(*p.count, p.m) : p.m;

  if (warpgroup == 0) {  // copies
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x == 0) {
      Place<stages> place;
      for (int step = 0; step < steps; ++step, place.next()) {
        if (row >= m && step >= ahead) break;  // what is under way comes to its end
        if (step >= ahead) {
          empty[place.stage].wait(place.parity ^ 1);
          copy_weight(step, place.stage);
        }
        copy_tile(x_tiles + place.stage * Memory::x_bytes, x, full[place.stage], row, column_of(step));
      }
      if (row >= m)
        for (int step = 0; step < ahead; ++step) full[step].wait(0);
    }
    __syncwarp();
    if (Parts > 1 && row < m) {
      wait_for_cluster();
      arrive_at_cluster();
    }
    return;
  }

  asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
  if (row >= m) return;
  const int group = warpgroup - 1, thread = threadIdx.x % 128, lane = threadIdx.x % 32;
  const int warp = group * 4 + __shfl_sync(~0U, thread / 32, 0), owner = warp / Memory::owners;
  const int local = warp % Memory::owners;
  Writer<Number, Columns, epilogue> writer(p, out, written + local * Memory::writer_bytes, read + local);
  const SixteenRows rows = writer.rows(row + warp * written_rows, m);
  typename Writer<Number, Columns, epilogue>::Constants constants;
  if (owner == part) {
    writer.read_stream(0, rows, column);
    writer.read_bias(constants, column);
    writer.read_gates(constants, rows, column);
  }

  float sum[Columns / 2];
  Place<stages> place;
  int before = -1;
  for (int step = 0; step < steps; ++step, place.next()) {
    const int stage = place.stage;
    full[stage].wait(place.parity);
    begin_products();
#pragma unroll
    for (int k = 0; k < 4; ++k)
      multiply<Number, Columns>(sum, operand(x_tiles + stage * Memory::x_bytes + group * 64 * depth * 2) + 2 * k,
                                operand(weight_tiles + stage * Memory::weight_bytes) + 2 * k, step > 0 || k > 0);
    commit_products();
    wait_for_products<1>();
    if (before >= 0 && thread == 0) empty[before].arrive_at(part);
    before = stage;
  }
  wait_for_products<0>();

  if constexpr (Parts > 1) {
    // To the block that writes these rows, and from those that do not; of a step too few a part is 0.
    const auto place_of = [&](int source, int i) {
      return received + ((source * Memory::owners + local) * (Columns / 8) + i) * 512 + lane * 16;
    };
    wait_for_cluster();
    if (owner != part)
#pragma unroll
      for (int i = 0; i < Columns / 8; ++i)
        store_at(owner, place_of(part < owner ? part : part - 1, i),
                 steps > 0 ? make_float4(sum[4 * i], sum[4 * i + 1], sum[4 * i + 2], sum[4 * i + 3])
                           : make_float4(0, 0, 0, 0));
    arrive_at_cluster();
    if (owner != part) return;
    wait_for_cluster();
#pragma unroll
    for (int i = 0; i < Columns / 8; ++i) {
      if (steps == 0) sum[4 * i] = sum[4 * i + 1] = sum[4 * i + 2] = sum[4 * i + 3] = 0;
#pragma unroll
      for (int source = 0; source < Parts - 1; ++source) {
        const float4 other = *reinterpret_cast<const float4*>(place_of(source, i));
        sum[4 * i] += other.x;
        sum[4 * i + 1] += other.y;
        sum[4 * i + 2] += other.z;
        sum[4 * i + 3] += other.w;
      }
    }
  }
  writer.finish(0, rows, sum, constants);
  writer.write(0, rows, column);
  writer.let_leave();
}

template <typename Type, int Columns, int Parts, Epilogue epilogue>
void launch_parts(const ProductLaunch& p, Stream stream) {
  const auto kernel = split_product<Type, Columns, Parts, epilogue>;
  constexpr int bytes = SplitLayout<Columns, Parts, epilogue>::bytes;
  allow_shared_memory(kernel, bytes);
  const Operands of = operands_of(p, tile_rows, Columns);
  const int tiles = (p.m + tile_rows - 1) / tile_rows * ((p.n + Columns - 1) / Columns);
  // What is captured runs later: until then weights that are made now are long there.
  cudaStreamCaptureStatus capture{};
  check(cudaStreamIsCapturing(stream, &capture));
  launch_kernel(kernel, tiles * Parts, 384, bytes, Parts, stream, of.x, of.weight, of.out,
                arguments_of(p, capture == cudaStreamCaptureStatusActive));
}

template <int Columns, int Parts>
void launch_any(const ProductLaunch& p, Stream stream) {
  const auto of_number = [&](auto number) {
    using Type = decltype(number);
    switch (p.epilogue) {
      case Epilogue::bias:
        return launch_parts<Type, Columns, Parts, Epilogue::bias>(p, stream);
      case Epilogue::gelu:
        return launch_parts<Type, Columns, Parts, Epilogue::gelu>(p, stream);
      case Epilogue::gated_residual:
        return launch_parts<Type, Columns, Parts, Epilogue::gated_residual>(p, stream);
      case Epilogue::logits:
        require(false, "logits have a kernel of their own");
    }
  };
  p.number == Number::float16 ? of_number(__half{}) : of_number(__nv_bfloat16{});
}

struct Launched {
  Split split;
  void (*launch)(const ProductLaunch&, Stream);
};
template <int Columns, int Parts>
constexpr Launched launched{{tile_rows, Columns, Parts}, launch_any<Columns, Parts>};
constexpr Launched all_splits[] = {launched<144, 1>, launched<112, 1>, launched<128, 3>};

}  // namespace

const std::vector<Split>& splits() {
  static const std::vector<Split> all = [] {
    std::vector<Split> list;
    for (const Launched& one : all_splits) list.push_back(one.split);
    return list;
  }();
  return all;
}

void launch_split(const ProductLaunch& p, std::size_t split, Stream stream) {
  if (p.m == 0 || p.n == 0) return;
  all_splits[split].launch(p, stream);
}

}  // namespace dydit::gpu
