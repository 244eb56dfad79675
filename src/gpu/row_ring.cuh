// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "wgmma.cuh"

namespace dydit::gpu {

/// So many rows lie in a ring.
constexpr int ring_rows = 2;

/// Of the rings of a block's warps, in shared memory.
template <int Warps>
struct RingBarriers {
  Barrier full[Warps][ring_rows];

  /// By all threads of the block.
  __device__ void initialise() {
    if (threadIdx.x == 0) {
      for (Barrier(&ring)[ring_rows] : full)
        for (Barrier& row : ring) row.initialise(1);
      asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
  }
};

/// Rows that a warp takes in turn: while it works on one, the next are copied into shared memory.
class RowRing {
 public:
  /// `memory` has room for `ring_rows` rows of so many bytes.
  template <int Warps>
  __device__ RowRing(std::uint8_t* memory, RingBarriers<Warps>& barriers, int bytes)
      : memory_(memory), full_(barriers.full[threadIdx.x / 32]), bytes_(bytes) {}

  /// Has one copied, in the place of the last one that was let go. Its numbers are not wanted again soon.
  __device__ void push(const void* row) {
    const unsigned stage = pushed_ % ring_rows;
    if (threadIdx.x % 32 == 0) {
      full_[stage].expect(bytes_);
      copy_bytes(memory_ + stage * bytes_, row, bytes_, full_[stage], read_once());
    }
    ++pushed_;
  }
  /// The first one that has not been let go, when it is there.
  __device__ const std::uint8_t* front() {
    const unsigned stage = popped_ % ring_rows;
    full_[stage].wait(popped_ / ring_rows % 2);
    return memory_ + stage * bytes_;
  }
  /// By all lanes, when they have read it.
  __device__ void pop() {
    show_to_copies();
    __syncwarp();
    ++popped_;
  }

 private:
  std::uint8_t* memory_;
  Barrier* full_;
  int bytes_;
  unsigned pushed_ = 0, popped_ = 0;
};

}  // namespace dydit::gpu
