// SPDX-License-Identifier: Apache-2.0
#include "tensor_map.h"

#include <algorithm>
#include <array>

#include "check.h"

namespace dydit::gpu {

CUtensorMap tensor_map(Number number, const void* data, std::initializer_list<std::int64_t> sizes,
                       std::initializer_list<std::int64_t> strides, std::initializer_list<int> box) {
  using Encode = decltype(&cuTensorMapEncodeTiled);
  static const Encode encode = [] {  // of the driver, which is not linked
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult found{};
    check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found));
    return reinterpret_cast<Encode>(entry);
  }();
  constexpr std::size_t most = 5;
  std::array<cuuint64_t, most> extents{}, bytes{};
  std::array<cuuint32_t, most> of_box{}, steps{};
  std::ranges::copy(sizes, extents.begin());
  std::ranges::transform(strides, bytes.begin(), [](std::int64_t stride) { return cuuint64_t(stride) * 2; });
  std::ranges::copy(box, of_box.begin());
  steps.fill(1);
  CUtensorMap map{};
  const CUresult result =
      encode(&map, number == Number::float16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
             static_cast<cuuint32_t>(sizes.size()), const_cast<void*>(data), extents.data(), bytes.data(),
             of_box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
             *box.begin() == 64   ? CU_TENSOR_MAP_SWIZZLE_128B
             : *box.begin() == 16 ? CU_TENSOR_MAP_SWIZZLE_32B
                                  : CU_TENSOR_MAP_SWIZZLE_NONE,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  require(result == CUDA_SUCCESS, "a tensor that the copy engine does not take");
  return map;
}

}  // namespace dydit::gpu
