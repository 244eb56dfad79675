// SPDX-License-Identifier: Apache-2.0
#include "image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace dydit::data {

Image blank_image(std::uint64_t width, std::uint64_t height, std::uint64_t most, const std::string& name) {
  most = std::min(most, std::uint64_t{64} << 20U);
  if (width == 0 || height == 0 || width > most / height)
    throw InputError("broken image", name, fmt::format("claims {} x {} pixels", width, height));
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.pixels.resize(std::size_t{3} * width * height);
  return image;
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name) {
  const auto begins_with = [&](auto... start) {
    const std::array signature{std::byte(start)...};
    return bytes.size() > signature.size() && std::ranges::equal(signature, bytes.first(signature.size()));
  };
  if (begins_with(0xFF, 0xD8, 0xFF)) return decode_jpeg(bytes, name);
  if (begins_with(0x89, 'P', 'N', 'G')) return decode_png(bytes, name);
  if (begins_with('R', 'I', 'F', 'F')) return decode_webp(bytes, name);
  throw InputError("broken image", name, "neither JPEG nor PNG nor WebP");
}

}  // namespace dydit::data
