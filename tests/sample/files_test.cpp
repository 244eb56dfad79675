// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <torch/torch.h>

#include "catch.h"
#include "data/png.h"

using namespace dydit;

TEST_CASE("a state becomes the levels of DiT's sample_ddp.py, cut off and not rounded") {
  const std::vector<float> values{-1.2F, -1, -0.9969F, -0.9926F, 0, 0.0078F, 0.0079F, 0.99F, 0.9999F, 1, 7, -0.5F};
  const std::vector<std::uint8_t> levels{0, 0, 0, 1, 128, 128, 129, 254, 255, 255, 255, 64};
  // One row of four pixels: (1, 3, 1, 4) has the colours as planes.
  const auto files = sample::encoded(torch::tensor(values).view({1, 1, 4, 3}).permute({0, 3, 1, 2}));
  REQUIRE(files.size() == 1);
  const data::Image image = data::decode_png(std::as_bytes(std::span(files[0])), "image");
  CHECK((image.width == 4 && image.height == 1));
  CHECK(image.pixels == levels);
}
