// SPDX-License-Identifier: Apache-2.0
// cuBLASLt: the products of its library, with bias and GELU in their epilogue.
#pragma once

#include <functional>
#include <vector>

#include "gpu/product.h"

namespace dydit::gpu {

/// Up to eight algorithms, the ones that cuBLASLt expects to be fastest first. Of a product whose rows all count and
/// to which nothing is added.
std::vector<Way> library_ways(const Product& product);

}  // namespace dydit::gpu
