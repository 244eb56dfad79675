// SPDX-License-Identifier: Apache-2.0
#include "model/tensors.h"

#include "base/error.h"
#include "catch.h"

using torch::Tensor;
namespace model = dydit::model;
namespace checkpoint = dydit::checkpoint;

TEST_CASE("tensors pass between files and LibTorch and outlive both") {
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool}) {
    const Tensor expected = torch::arange(6).view({2, 3}).to(type);
    checkpoint::Tensor stored = model::from_torch(expected.clone());
    const Tensor back = model::to_torch(stored);
    stored = {};
    CHECK(back.scalar_type() == type);
    CHECK(torch::equal(back, expected));
  }
  const Tensor transposed = torch::arange(6).view({2, 3}).t();
  CHECK(torch::equal(model::to_torch(model::from_torch(transposed)), transposed));
  CHECK_THROWS_AS(model::from_torch(torch::zeros({1}, torch::kComplexFloat)), dydit::RunError);
}
