// SPDX-License-Identifier: Apache-2.0
#include <csetjmp>
#include <cstddef>
#include <cstdio>
// After <cstdio>: the header of libjpeg needs FILE.
#include <jpeglib.h>
// After it: the codes of its messages.
#include <jerror.h>

#include <fmt/format.h>

#include "base/error.h"
#include "image.h"

namespace dydit::data {

namespace {

// Huffman codes take at least a bit for each block of 8 x 8 pixels of a component. (Arithmetic coding, which
// nobody writes, could take less for an image of one colour.)
constexpr std::uint64_t most_blocks_per_byte = 8, pixels_per_block = 64;

// An image of several scans is kept as coefficients until the last: 256 MiB, that is 40 Mi pixels at full
// resolution of colour or 85 Mi at a quarter.
constexpr std::uint64_t most_kept_blocks = 2 << 20;

// Encoders write about ten. Each is a pass over the whole image, however few bytes it has.
constexpr int most_scans = 100;

// libjpeg's own handler ends the process, and it only warns of truncated data, which it fills with
// grey. Here both jump back to the method that was called. These methods own nothing a jump would lose.
// Warnings that say nothing of the pixels are passed over, as by PIL: of marks that are newer than the library, and of
// bytes before a marker of the header or between the data of the last scan and the end mark. Bytes before any other
// marker, or too few before the end mark, are other data than were written.
class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = fail;
    errors_.manager.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && !is_harmless(*info->err, *reinterpret_cast<j_decompress_ptr>(info))) fail(info);
    };
    progress_.progress_monitor = [](j_common_ptr info) {
      if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= most_scans) return;
      auto* errors = reinterpret_cast<Errors*>(info->err);
      std::snprintf(errors->message, sizeof errors->message, "more than %d scans", most_scans);
      std::longjmp(errors->jump, 1);
    };
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool read_header(std::span<const std::byte> bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool read_pixels(Image& image) {
    if (setjmp(errors_.jump) != 0) return false;
    const bool cmyk = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info_);
    JSAMPARRAY inks = nullptr;
    if (cmyk) {
      auto* any = reinterpret_cast<j_common_ptr>(&info_);
      inks = info_.mem->alloc_sarray(any, JPOOL_IMAGE, info_.output_width * 4, 1);
    }
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = image.row(static_cast<int>(info_.output_scanline));
      jpeg_read_scanlines(&info_, cmyk ? inks : &row, 1);
      if (cmyk) mix_inks(inks[0], row);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  /// Whether so many bytes can hold the image, and memory its coefficients.
  bool is_plausible(std::uint64_t bytes) {
    std::uint64_t blocks = 0;
    for (int i = 0; i < info_.num_components; ++i)
      blocks += std::uint64_t{info_.comp_info[i].width_in_blocks} * info_.comp_info[i].height_in_blocks;
    return blocks <= most_blocks_per_byte * bytes && (!jpeg_has_multiple_scans(&info_) || blocks <= most_kept_blocks);
  }

  int components() const { return info_.num_components; }
  unsigned width() const { return info_.image_width; }
  unsigned height() const { return info_.image_height; }
  const char* reason() const { return errors_.message; }

 private:
  struct Errors {
    jpeg_error_mgr manager{};
    std::jmp_buf jump{};
    char message[JMSG_LENGTH_MAX] = "";
  };

  static bool is_harmless(const jpeg_error_mgr& warning, const jpeg_decompress_struct& info) {
    if (warning.msg_code == JWRN_EXTRANEOUS_DATA)
      return warning.msg_parm.i[1] == JPEG_EOI || info.input_scan_number == 0;
    return warning.msg_code == JWRN_JFIF_MAJOR || warning.msg_code == JWRN_ADOBE_XFORM;
  }

  [[noreturn]] static void fail(j_common_ptr info) {
    auto* errors = reinterpret_cast<Errors*>(info->err);
    errors->manager.format_message(info, errors->message);
    std::longjmp(errors->jump, 1);
  }

  // The inks are stored inverted, as Adobe does and as PIL assumes; the rounding is PIL's.
  void mix_inks(const JSAMPLE* inks, JSAMPROW row) const {
    for (unsigned x = 0; x < info_.output_width; ++x, inks += 4, row += 3)
      for (int c = 0; c < 3; ++c) {
        const int product = (255 - inks[c]) * inks[3] + 128;
        row[c] = static_cast<JSAMPLE>(inks[3] - ((product + (product >> 8)) >> 8));
      }
  }

  Errors errors_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name) {
  Decoder decoder;
  if (!decoder.read_header(bytes)) throw InputError("broken image", name, decoder.reason());
  if (!decoder.is_plausible(bytes.size()))
    throw InputError(
        "broken image", name,
        fmt::format("claims {} x {} pixels of {} components", decoder.width(), decoder.height(), decoder.components()));
  Image image =
      blank_image(decoder.width(), decoder.height(), pixels_per_block * most_blocks_per_byte * bytes.size(), name);
  if (!decoder.read_pixels(image)) throw InputError("broken image", name, decoder.reason());
  return image;
}

}  // namespace dydit::data
