// SPDX-License-Identifier: Apache-2.0
// Pixels, and PNGs of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dydit::data {

/// Pixels (height, width, 3), 8 bits, row by row.
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  std::uint8_t* row(int y) { return pixels.data() + std::size_t{3} * width * y; }
  const std::uint8_t* row(int y) const { return pixels.data() + std::size_t{3} * width * y; }
};

/// RGB of any PNG, as decode_image makes it of one. Throws InputError naming the sample when anything about it is
/// broken.
Image decode_png(std::span<const std::byte> bytes, const std::string& name);

/// The file of an image, the same bytes each time.
std::string encode_png(const Image& image);

}  // namespace dydit::data
