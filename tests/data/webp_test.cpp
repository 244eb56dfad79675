// SPDX-License-Identifier: Apache-2.0
// What WebP files can claim. That sound ones become Pillow's pixels is in image_test.cpp.
#include <webp/encode.h>

#include "base/error.h"
#include "catch.h"
#include "data_files.h"
#include "image.h"

using namespace dydit::data;
using namespace dydit::test;
using Catch::Matchers::Contains;

static Image decode(const std::string& bytes) { return decode_image(std::as_bytes(std::span(bytes)), "a/b"); }

/// A lossless WebP of one colour.
static std::string plain_webp(int width, int height) {
  const std::vector<std::uint8_t> pixels(std::size_t{3} * width * height, 77);
  std::uint8_t* bytes = nullptr;
  const std::size_t size = WebPEncodeLosslessRGB(pixels.data(), width, height, 3 * width, &bytes);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  return file;
}

static std::string little(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

static std::string chunk(const std::string& kind, const std::string& data) {
  return kind + little(static_cast<std::uint32_t>(data.size()), 4) + data + std::string(data.size() % 2, '\0');
}

/// An animation of one frame on a canvas of `side`.
static std::string animation(std::uint32_t side, const std::string& frame, std::uint32_t width, std::uint32_t height) {
  const std::string canvas = little(side - 1, 3) + little(side - 1, 3);
  const std::string place = std::string(6, '\0') + little(width - 1, 3) + little(height - 1, 3) + little(100, 3) + '\0';
  return chunk("RIFF", "WEBP" + chunk("VP8X", std::string("\x02\0\0\0", 4) + canvas) +
                           chunk("ANIM", std::string(6, '\0')) +
                           chunk("ANMF", place + frame.substr(12)));  // without RIFF, its size and WEBP
}

TEST_CASE("a small WebP of one colour is read, one of more pixels than its file can hold is refused") {
  CHECK(decode(plain_webp(1000, 700)).pixels == std::vector<std::uint8_t>(3 * 1000 * 700, 77));
  CHECK_THROWS_WITH(decode(plain_webp(3000, 3000)), Contains("a/b") && Contains("claims 3000 x 3000"));
}

TEST_CASE("the canvas of an animation is held to its file, too") {
  const std::string frame = plain_webp(20, 10);
  const Image image = decode(animation(24, frame, 20, 10));
  CHECK(image.width == 24);
  CHECK(image.row(9)[3 * 19] == 77);
  CHECK(image.row(9)[3 * 20] == 0);
  CHECK(image.row(10)[0] == 0);
  CHECK_THROWS_WITH(decode(animation(8000, frame, 20, 10)), Contains("claims 8000 x 8000"));
  CHECK_THROWS_AS(decode(animation(16, frame, 20, 10)), dydit::InputError);  // the frame is beyond it
}

TEST_CASE("a WebP whose data are damaged is broken") {
  for (const char* name : {"webp_lossy.webp", "webp_lossless.WEBP"}) {
    std::string bytes = dydit::read_file(golden / "formats" / "images" / name);
    const std::size_t cut = bytes.size() / 2 / 2 * 2;
    bytes.resize(cut);  // with sizes that fit
    bytes.replace(4, 4, little(static_cast<std::uint32_t>(cut - 8), 4));
    bytes.replace(16, 4, little(static_cast<std::uint32_t>(cut - 20), 4));
    CHECK_THROWS_WITH(decode(bytes), Contains("a/b") && Contains("WebP"));
  }
}
