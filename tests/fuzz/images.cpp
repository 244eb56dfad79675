// SPDX-License-Identifier: Apache-2.0
// A zip of images; or an entry of one, a labels.json where it begins with a brace and else an image, in a
// sound zip. Checksums of a PNG are made to fit, as no change of a byte would pass them.
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "checkpoint/stored_zip.h"
#include "fuzz.h"
#include "sets.h"

namespace {

constexpr std::string_view png = "\x89PNG\r\n\x1a\n";

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

/// A PNG is its signature and chunks of length (big-endian), type, content and the checksum of the last two.
std::string with_checksums(std::string image) {
  for (std::size_t at = png.size(); at + 12 <= image.size();) {
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(image[at + i]);
    if (length > image.size() - at - 12) break;
    const std::uint32_t sum = checksum(std::string_view(image).substr(at + 4, length + 4));
    for (int i = 0; i < 4; ++i) image[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return image;
}

std::string small_image() {
  using namespace std::literals;
  std::string image(png);
  for (const auto& [type, content] : {std::pair("IHDR"s, "\0\0\0\1\0\0\0\1\10\0\0\0\0"s),
                                      {"IDAT"s, "\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01"s},
                                      {"IEND"s, ""s}})
    image += std::string{0, 0, 0, static_cast<char>(content.size())} + type + content + std::string(4, '\0');
  return with_checksums(image);
}

void read_some(const dydit::data::Dataset& set) {
  using namespace dydit;
  set.hash();
  if (set.shape().elements() > 16 << 20) return;  // an image as large as it is was read already, to learn its size
  std::vector<float> pixels(static_cast<std::size_t>(set.shape().elements()));
  for (std::int64_t i = 0; i < std::min<std::int64_t>(set.size(), 8); ++i)
    fuzz::expect_error_or_success([&] {
      if (set.label(i) < 0 || set.label(i) >= set.classes()) __builtin_trap();
      set.read(i, i % 2 != 0, pixels);
      if (!std::ranges::all_of(pixels, [](float x) { return x >= -1 && x <= 1; })) __builtin_trap();
    });
}

// As training reads it, and as images that are judged, cropped and as large as they are.
void read(std::string_view zip, std::int64_t size) {
  using namespace dydit;
  constexpr std::size_t constant = 256 << 20;  // an image may take much more than its file
  const auto path = fuzz::write_input("input.zip", zip).string();
  const fuzz::HeapLimit limit(zip.size(), constant);
  fuzz::expect_error_or_success([&] { read_some(*data::open_dataset(path, {.size = size})); });
  fuzz::expect_error_or_success([&] { read_some(*data::open_image_set(path, size)); });
  fuzz::expect_error_or_success([&] { read_some(*data::open_image_set(path, {})); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("PK"))
    read(input, 16);
  else if (input.starts_with('{'))
    read(dydit::test::stored_zip({{"a/0.png", small_image()}, {"b/0.png", small_image()}, {"labels.json", input}},
                                 checksum),
         1);
  else
    read(dydit::test::stored_zip({{"a/0.png", input.starts_with(png) ? with_checksums(input) : input}}, checksum), 16);
  return 0;
}
