// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "image.h"

namespace dydit::data {

namespace {

// libpng reports errors by a jump back to the method that was called. These methods own nothing a
// jump would lose. Warnings are about chunks that do not change the pixels.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : left_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, [](png_structp, png_const_charp) {});
    info_ = png_create_info_struct(png_);
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool read_header() {
    if (info_ == nullptr) return false;
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    // Chunks that do not change the pixels are passed over: libpng takes the memory that they claim.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_read_fn(png_, this, copy);
    png_read_info(png_, info_);
    return true;
  }

  // 16 bits keep their high byte and gamma is ignored, as in PIL.
  bool read_pixels(Image& image) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != std::size_t{3} * image.width) png_error(png_, "unknown pixel format");
    for (int pass = 0; pass < passes; ++pass)
      for (int y = 0; y < image.height; ++y) png_read_row(png_, image.row(y), nullptr);
    png_read_end(png_, nullptr);
    return true;
  }

  unsigned width() const { return png_get_image_width(png_, info_); }
  unsigned height() const { return png_get_image_height(png_, info_); }
  // What so many bytes can hold.
  std::uint64_t most_pixels(std::uint64_t bytes) const {
    constexpr std::uint64_t most_expansion = 1032;  // of deflate
    return bytes * most_expansion * 8 / (png_get_bit_depth(png_, info_) * png_get_channels(png_, info_));
  }
  const char* reason() const { return message_; }

 private:
  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
    std::snprintf(decoder->message_, sizeof decoder->message_, "%s", message);
    png_longjmp(png, 1);
  }

  static void copy(png_structp png, png_bytep out, std::size_t count) {
    auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
    if (count > decoder->left_.size()) png_error(png, "the file ends too early");
    std::memcpy(out, decoder->left_.data(), count);
    decoder->left_ = decoder->left_.subspan(count);
  }

  std::span<const std::byte> left_;
  char message_[128] = "out of memory";
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& name) {
  Decoder decoder(bytes);
  if (!decoder.read_header()) throw InputError("broken image", name, decoder.reason());
  Image image = blank_image(decoder.width(), decoder.height(), decoder.most_pixels(bytes.size()), name);
  if (!decoder.read_pixels(image)) throw InputError("broken image", name, decoder.reason());
  return image;
}

std::string encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&png, bytes.data(), &size, /*convert_to_8_bit=*/0, image.pixels.data(),
                                /*row_stride=*/0, nullptr) == 0)
    throw RunError("cannot make a PNG", "", png.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace dydit::data
