// SPDX-License-Identifier: Apache-2.0
#include "dit/routed.h"

#include <algorithm>
#include <bit>

namespace dydit::dit {

using torch::Tensor;

// Each number of rows makes oneDNN compile a kernel of its own, which takes half as long as the product itself, so
// only some numbers are used: at most 64 between a power of two and the next.
static std::int64_t rounded_up(std::int64_t rows) {
  const auto step = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(rows / 64, 1))));
  return (rows + step - 1) / step * step;
}

static Tensor rows_of(const Tensor& mask) {
  if (!mask.is_cpu()) return mask.flatten().nonzero().squeeze(1);
  const Tensor whole = mask.contiguous();
  const bool* const on = whole.const_data_ptr<bool>();
  const std::int64_t count = std::count(on, on + whole.numel(), true);
  const Tensor rows = torch::empty({count}, torch::kInt64);
  // Written whether it is on or not, since half of the branches would be foreseen wrongly; the last one never beyond.
  std::int64_t* row = rows.data_ptr<std::int64_t>();
  std::int64_t* const end = row + count;
  for (std::int64_t i = 0; row < end; ++i) {
    *row = i;
    row += on[i] ? 1 : 0;
  }
  return rows;
}

Routed routed_of(const Tensor& mask) {
  const Tensor rows = rows_of(mask);
  return {.rows = rows, .height = rounded_up(rows.numel())};
}

}  // namespace dydit::dit
