// SPDX-License-Identifier: Apache-2.0
// WebP as PIL's convert("RGB") reads it: alpha dropped, the first frame of an animation on a black canvas.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "base/error.h"
#include "image.h"

namespace dydit::data {

namespace {

// A lossy file takes at least 3 bits for each block of 16 x 16 pixels. A lossless one, and an animation's
// canvas, can hold any number of pixels of one colour: 4 Mi are allowed whatever the file's size.
constexpr std::uint64_t most_pixels_per_byte = 1024, most_plain_pixels = 4 << 20;

// Beside the image itself (3 bytes a pixel), libwebp keeps a lossless image or alpha whole: 5 bytes a pixel
// more, that is 224 MiB in all.
constexpr std::uint64_t most_kept_pixels = 28 << 20;

using Demuxer = std::unique_ptr<WebPDemuxer, decltype([](WebPDemuxer* demuxer) { WebPDemuxDelete(demuxer); })>;

struct Frame : WebPIterator {
  Frame() : WebPIterator{} {}
  ~Frame() { WebPDemuxReleaseIterator(this); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
};

std::uint64_t most_pixels(std::uint64_t bytes, const WebPBitstreamFeatures& features) {
  constexpr int lossy = 1;
  const std::uint64_t most = most_plain_pixels + most_pixels_per_byte * bytes;
  return features.format == lossy && features.has_alpha == 0 ? most : std::min(most, most_kept_pixels);
}

}  // namespace

Image decode_webp(std::span<const std::byte> bytes, const std::string& name) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const Demuxer demuxer(WebPDemux(&data));
  Frame frame;
  WebPBitstreamFeatures features;
  if (demuxer == nullptr || WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0 ||
      WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features) != VP8_STATUS_OK)
    throw InputError("broken image", name, "not a whole WebP file");
  Image image =
      blank_image(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                  WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), most_pixels(bytes.size(), features), name);
  // libwebp holds the frame to the canvas.
  std::uint8_t* const begin = image.row(frame.y_offset) + 3 * frame.x_offset;
  const auto left = static_cast<std::size_t>(image.pixels.data() + image.pixels.size() - begin);
  if (WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, begin, left, 3 * image.width) == nullptr)
    throw InputError("broken image", name, "its WebP data cannot be decoded");
  return image;
}

}  // namespace dydit::data
