// SPDX-License-Identifier: Apache-2.0
// What is behind the blocks: the modulated norm of each token, the product with the final layer's weight, and its
// numbers where they belong in the image.
#include "check.h"
#include "kernels.h"
#include "narrow.cuh"
#include "norm.cuh"

namespace dydit::gpu {

namespace {

// `Few` tokens: whose kernel ends as soon as it can; of many, as many blocks as can be share a multiprocessor.
template <typename Number, int Columns8, int Eights, bool Few>
__global__ __launch_bounds__(narrow_warps * 32, Few ? 1 : 2) void final_layer(const FinalLaunch p) {
  extern __shared__ __align__(128) std::uint8_t final_memory[];
  const int pitch = pitch_of(p.width), first = blockIdx.x * narrow_rows;
  float* const sums = reinterpret_cast<float*>(final_memory + narrow_rows * pitch);
  let_next_kernel_begin();
  NarrowProduct<Number, Columns8, Eights, Few> product(static_cast<const Number*>(p.weight), p.width);
  const int after_wait = wait_for_kernel_before();
  const int rows = p.images * p.tokens;
  for (int row = threadIdx.x / 32; row < narrow_rows; row += narrow_warps) {
    const int from = min(first + row, rows - 1);
    const std::int64_t image = from / p.tokens * p.modulation_stride + after_wait;
    RowPart<Number, Eights> part;
    part.read(
        [&](int at) {
          return Eight<Number>::load(static_cast<const Number*>(p.x) + std::int64_t{from} * p.width + at);
        },
        p.width);
    Modulation<Number, Eights> modulation;
    modulation.read(static_cast<const Number*>(p.shift) + image, static_cast<const Number*>(p.scale) + image, p.width);
    part.norm(modulation, p.width);
    part.store(reinterpret_cast<Number*>(final_memory + row * pitch), p.width);
  }
  __syncthreads();
  product.multiply(final_memory, sums);
  __syncthreads();
  // A token's numbers are (patch, patch, channels).
  const int grid = p.side / p.patch, columns = Columns8 * 8;
  for (int i = threadIdx.x; i < narrow_rows * columns; i += narrow_warps * 32) {
    const int token = first + i / columns, column = i % columns;
    if (token >= rows || column >= p.columns) continue;
    const int channel = column % p.channels, inside = column / p.channels, of_image = token % p.tokens;
    const int y = of_image / grid * p.patch + inside / p.patch, x = of_image % grid * p.patch + inside % p.patch;
    const float value = narrow_sum<Columns8>(sums, i / columns, column) +
                        static_cast<float>(static_cast<const Number*>(p.bias)[column]);
    static_cast<Number*>(p.out)[((std::int64_t{token / p.tokens} * p.channels + channel) * p.side + y) * p.side + x] =
        Number(value);
  }
}

template <typename Number, int Columns8>
void launch_columns(const FinalLaunch& p, Stream stream) {
  with_eights(p.width, [&](auto eights) {
    constexpr int number = decltype(eights)::value;
    const int rows = p.images * p.tokens;
    const auto kernel =
        rows <= few_rows ? final_layer<Number, Columns8, number, true> : final_layer<Number, Columns8, number, false>;
    const int bytes =
        narrow_rows * pitch_of(p.width) + narrow_warps * narrow_rows * Columns8 * 8 * static_cast<int>(sizeof(float));
    allow_shared_memory(kernel, bytes);
    launch_kernel(kernel, (rows + narrow_rows - 1) / narrow_rows, narrow_warps * 32, bytes, 1, stream, p);
  });
}

template <typename Number>
void launch_number(const FinalLaunch& p, Stream stream) {
  p.columns <= 32 ? launch_columns<Number, 4>(p, stream) : launch_columns<Number, 16>(p, stream);
}

}  // namespace

int final_rows(int width, int columns) {
  if (width % 32 != 0 || columns > 128) return 0;
  return columns <= 32 ? 32 : 128;
}

void launch(const FinalLaunch& p, Stream stream) {
  if (p.images == 0) return;
  p.number == Number::float16 ? launch_number<__half>(p, stream) : launch_number<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
