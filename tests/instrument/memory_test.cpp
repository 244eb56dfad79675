// SPDX-License-Identifier: Apache-2.0
#include <torch/types.h>

#include "catch.h"
#include "instrument/memory.h"

TEST_CASE("the peak is what tensors hold at once, not what they hold in all") {
  const auto megabyte = [] { return torch::empty({1 << 20}, torch::kUInt8); };
  const torch::Tensor before = megabyte();
  const auto allocated = dydit::instrument::allocated_by([&] {
    for (int i = 0; i < 5; ++i) megabyte();
    const torch::Tensor one = megabyte(), two = megabyte();
  });
  CHECK(allocated.peak_bytes == 2 << 20);
  CHECK(allocated.allocations == 7);
  const auto nothing = dydit::instrument::allocated_by([] {});
  CHECK((nothing.peak_bytes == 0 && nothing.allocations == 0));
}
