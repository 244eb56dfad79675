// SPDX-License-Identifier: Apache-2.0
// What becomes of sixteen rows of a product's tile.
#pragma once

#include "numbers.cuh"
#include "product.cuh"

namespace dydit::gpu {

// GELU's tanh approximation. The instruction's tanh is off by 5e-4 at most, a quarter of what bfloat16 rounds: a GPU
// that multiplies at its limit of power is the slower for each instruction beside it.
__device__ inline float gelu(float x) {
  constexpr float first = 0.7978845608F, third = 0.7978845608F * 0.044715F;
  float tanh;
  asm("tanh.approx.f32 %0, %1;" : "=f"(tanh) : "f"(x * (first + third * x * x)));
  const float half = 0.5F * x;
  return half * tanh + half;
}

/// Of sixteen rows that a warp writes: where each goes, and with a gated residual where its image's gate is. Lane i
/// knows of row i % 16.
struct SixteenRows {
  int at, image;  // at: -1 of none
  int first;      // where they are neighbours, all there: the first one's number, else -1
};

/// Writes sixteen rows of a sum by a warp. They lie in shared memory as they do in the output, eight rows of a column
/// in different banks: so that what they are added to comes there while the tile is multiplied, and neighbours leave
/// in boxes of 64 columns with nobody waiting for them.
template <typename Number, int Columns, Epilogue epilogue>
class Writer {
 public:
  static constexpr bool adds = epilogue == Epilogue::gated_residual;
  static constexpr int eights = Columns / 8, turns = (written_rows * eights + 31) / 32;
  /// Boxes are swizzled; of other widths a row has an odd number of 16 bytes, and is copied in eights by threads.
  static constexpr bool boxed = Columns % depth == 0;
  static constexpr int box_bytes = written_rows * depth * 2;
  static constexpr int bytes = boxed ? Columns / depth * box_bytes : written_rows * (eights | 1) * 16;
  /// Of those that add, a tile's rows are all on their way at once.
  static constexpr int buffers(int tile_rows) { return adds ? tile_rows / 64 : 1; }

  /// Pairs of the columns that a thread has of a sum, and of each their gates of its two rows.
  struct Constants {
    std::uint32_t bias[eights], gates[adds ? 2 * eights : 1];
  };

  /// `memory`: `bytes` of each buffer for the warp alone; `read`: a barrier of each.
  __device__ Writer(const Arguments& p, const CUtensorMap& boxes, std::uint8_t* memory, Barrier* read)
      : p_(p), boxes_(boxes), out_(static_cast<Number*>(p.out)), memory_(memory), read_(read) {}

  __device__ SixteenRows rows(int first, int m) const {
    const int from = first + lane() % written_rows, to = from >= m ? -1 : adds && p_.rows ? p_.rows[from] : from;
    const int begin = __shfl_sync(~0U, to, 0);
    const bool together = boxed && __all_sync(~0U, to >= 0 && to == begin + lane() % written_rows);
    return {to < 0 ? -1 : to * p_.n, adds && to >= 0 ? to / p_.tokens * p_.gate_stride : 0, together ? begin : -1};
  }
  /// A thread's columns of numbers that nobody writes. All loads are under way before one is needed.
  __device__ void read_pairs(std::uint32_t (&pairs)[eights], const void* numbers, int column) const {
#pragma unroll
    for (int e = 0; e < eights; ++e)
      asm volatile("ld.global.nc.b32 %0, [%1];"
                   : "=r"(pairs[e])
                   : "l"(static_cast<const Number*>(numbers) + pair_of(e, column)));
  }
  __device__ void read_bias(Constants& constants, int column) const { read_pairs(constants.bias, p_.bias, column); }
  __device__ void read_gates(Constants& constants, const SixteenRows& rows, int column) const {
    if constexpr (adds)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const auto gates = static_cast<const Number*>(p_.gate) + __shfl_sync(~0U, rows.image, lane() / 4 + 8 * half);
#pragma unroll
        for (int e = 0; e < eights; ++e)
          asm volatile("ld.global.b32 %0, [%1];"
                       : "=r"(constants.gates[2 * e + half])
                       : "l"(gates + pair_of(e, column)));
      }
  }
  /// What is added to, on its way into a buffer.
  __device__ void read_stream(int buffer, const SixteenRows& rows, int column) const {
    if constexpr (adds) {
      let_leave();
      if (rows.first < 0) return copy_eights(buffer, rows, column);
      if (lane() == 0) {
        read_[buffer].expect(bytes);
        for (int box = 0; box < Columns / depth; ++box)
          copy_tile(memory_ + buffer * bytes + box * box_bytes, boxes_, read_[buffer], rows.first,
                    column + box * depth);
      }
      __syncwarp();
    }
  }
  /// A sum with all that comes to it, in the type of the output, into a buffer.
  __device__ void finish(int buffer, const SixteenRows& rows, const float (&sum)[Columns / 2],
                         const Constants& constants) {
    if (!adds) {
      let_leave();
    } else if (rows.first >= 0) {
      read_[buffer].wait(parities_ >> buffer & 1);
      parities_ ^= 1U << buffer;
    } else {
      asm volatile("cp.async.wait_all;" ::: "memory");
      __syncwarp();
    }
#pragma unroll
    for (int e = 0; e < eights; e += 2) {
      const bool wide = e + 1 < eights;
      const std::uint32_t to = place(buffer, lane() % written_rows, wide ? e + lane() / 16 : e);
      std::uint32_t stream[4] = {}, values[4] = {};
      if (adds) load_sixteen(stream, to, wide);
#pragma unroll
      for (int i = 0; i < (wide ? 4 : 2); ++i) {  // pairs: two rows of eight columns, and of the next eight
        const int of = e + i / 2, half = i % 2;
        const float2 bias = floats<Number>(constants.bias[of]);
        float left = sum[of * 4 + half * 2] + bias.x, right = sum[of * 4 + half * 2 + 1] + bias.y;
        if (epilogue == Epilogue::gelu) {
          left = gelu(left);
          right = gelu(right);
        }
        if (adds) {
          const float2 gate = floats<Number>(constants.gates[2 * of + half]), before = floats<Number>(stream[i]);
          left = gate.x * left + before.x;
          right = gate.y * right + before.y;
        }
        values[i] = packed<Number>(left, right);
      }
      store_sixteen(to, values, wide);
    }
    if (boxed) show_to_copies();
    __syncwarp();
  }
  /// From there to where they go.
  __device__ void write(int buffer, const SixteenRows& rows, int column) const {
    if (rows.first >= 0) {
      if (lane() == 0) {
        for (int box = 0; box < Columns / depth; ++box)
          copy_tile_out(boxes_, memory_ + buffer * bytes + box * box_bytes, rows.first, column + box * depth);
        end_copies_out();
      }
      return;
    }
    Eight<Number> values[turns];  // read before any is written: the compiler does not know that this is the same
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const Eighth eighth(turn);
      values[turn] = Eight<Number>::load_shared(place(buffer, eighth.row, eighth.column / 8));
    }
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const Eighth eighth(turn);
      const int to = at_of(rows, eighth);
      if (eighth.is_one && to >= 0 && column + eighth.column < p_.n)
        values[turn].store(out_ + to + column + eighth.column);
    }
    if (boxed) show_to_copies();  // which may be what comes into this buffer next
  }
  /// Until a buffer may be written again, or the kernel may end.
  __device__ void let_leave() const {
    if (boxed && lane() == 0) wait_until_copied_out();
    __syncwarp();
  }

 private:
  // Eight columns of a row, of those that a warp copies in so many turns.
  struct Eighth {
    int row, column;
    bool is_one;
    __device__ explicit Eighth(int turn) {
      const int i = turn * 32 + lane();
      is_one = i / eights < written_rows;
      row = i / eights % written_rows;
      column = i % eights * 8;
    }
  };
  static __device__ int lane() { return threadIdx.x % 32; }
  static __device__ int at_of(const SixteenRows& rows, const Eighth& eighth) {
    return __shfl_sync(~0U, rows.at, eighth.row);
  }
  __device__ void copy_eights(int buffer, const SixteenRows& rows, int column) const {
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const Eighth eighth(turn);
      const int to = at_of(rows, eighth);
      if (eighth.is_one && to >= 0 && column + eighth.column < p_.n)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(place(buffer, eighth.row, eighth.column / 8)),
                     "l"(out_ + to + column + eighth.column)
                     : "memory");
    }
  }
  // Of a thread, in eight columns of a sum; of those beyond the last any.
  __device__ int pair_of(int e, int column) const {
    const int at = column + e * 8 + lane() % 4 * 2;
    return at < p_.n ? at : 0;
  }
  __device__ std::uint32_t place(int buffer, int row, int e) const {
    const std::uint32_t begin = shared_address(memory_) + buffer * bytes;
    constexpr int wide = depth / 8;
    return boxed ? begin + e / wide * box_bytes + row * depth * 2 + (e % wide ^ row % 8) * 16
                 : begin + (row * (eights | 1) + e) * 16;
  }

  const Arguments& p_;
  const CUtensorMap& boxes_;
  Number* out_;
  std::uint8_t* memory_;
  Barrier* read_;
  std::uint32_t parities_ = 0;  // of the barriers
};

}  // namespace dydit::gpu
