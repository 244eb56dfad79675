// SPDX-License-Identifier: Apache-2.0
// Reading is all: a thread has eight numbers of the stream and reads theirs of several parts at once.
#include "check.h"
#include "kernels.h"
#include "numbers.cuh"

namespace dydit::gpu {

namespace {

constexpr int threads = 256, at_once = 4;

template <typename Number>
__global__ __launch_bounds__(threads) void reuse(const ReuseLaunch p) {
  let_next_kernel_begin();
  wait_for_kernel_before();
  const int of_row = p.width / 8;
  const std::int64_t eight = std::int64_t{blockIdx.x} * threads + threadIdx.x, row = eight / of_row;
  if (row >= std::int64_t{p.images} * p.tokens) return;
  const std::int64_t at = eight * 8, image = row / p.tokens;
  const int column = static_cast<int>(eight % of_row) * 8;
  const Number* const gates = static_cast<const Number*>(p.gates) + image * p.gate_image_stride + column;
  const bool* const on = p.on == nullptr ? nullptr : p.on + image * p.on_stride + row % p.tokens;
  float sum[8];
  Eight<Number>::load(static_cast<const Number*>(p.stream) + at).to_floats(sum);
  for (int pass = 0; pass < p.passes; ++pass) {
    const Number* const features = static_cast<const Number*>(p.features[pass]) + at;
    const float factor = p.factors[pass];
    for (int first = 0; first < p.parts; first += at_once) {
      Eight<Number> outputs[at_once], of_gates[at_once];  // all are under way before the first is there
#pragma unroll
      for (int i = 0; i < at_once; ++i) {
        const int part = first + i;
        const bool counts = part < p.parts && (on == nullptr || part % 2 == 0 || on[std::int64_t{part / 2} * p.tokens]);
        outputs[i] = counts ? Eight<Number>::load(features + part * p.part_strides[pass]) : Eight<Number>::zero();
        of_gates[i] = counts ? Eight<Number>::load(gates + part * p.gate_part_stride) : Eight<Number>::zero();
      }
#pragma unroll
      for (int i = 0; i < at_once; ++i) {
        float output[8], gate[8];
        outputs[i].to_floats(output);
        of_gates[i].to_floats(gate);
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[j] += factor * output[j] * gate[j];
      }
    }
  }
  Eight<Number>::of(sum).store(static_cast<Number*>(p.stream) + at);
}

template <typename Number>
void launch_of(const ReuseLaunch& p, Stream stream) {
  const std::int64_t eights = std::int64_t{p.images} * p.tokens * (p.width / 8);
  launch_kernel(reuse<Number>, static_cast<int>((eights + threads - 1) / threads), threads, 0, 1, stream, p);
}

}  // namespace

void launch(const ReuseLaunch& p, Stream stream) {
  if (p.images == 0) return;
  p.number == Number::float16 ? launch_of<__half>(p, stream) : launch_of<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
