// SPDX-License-Identifier: Apache-2.0
// Resizing by convolution with a filter that widens when the image shrinks, one axis after the other.
// Weights have 22 fractional bits and the first axis is rounded to 8 bits before the second, as in
// Pillow, so that the pixels are the ones the reference code trained on.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "image.h"

namespace dydit::data {

namespace {

struct Filter {
  double support;  // half its width, in output pixels
  double (*weight)(double);
};

constexpr Filter box{0.5, [](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }};

// Keys' cubic convolution with a = -0.5.
constexpr Filter bicubic{2, [](double x) {
                           constexpr double a = -0.5;
                           x = std::abs(x);
                           if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
                           if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
                           return 0.0;
                         }};

constexpr int fraction_bits = 22;

// Part of an axis of `from` pixels resized to `to`: the outputs [first, first + count).
struct Axis {
  int from;
  std::int64_t to, first;  // beyond an int for very long images
  int count;
};

// The input pixels [begin, begin + weights.size()) that make one output pixel.
struct Taps {
  int begin;
  std::vector<int> weights;
};

Taps taps_of(const Filter& filter, const Axis& axis, std::int64_t output) {
  const double scale = static_cast<double>(axis.from) / static_cast<double>(axis.to);
  // A product with the inverse, not a quotient: at the edges of the box the rounding decides.
  const double stretch = std::max(scale, 1.0), inverse = 1 / stretch;
  const double centre = (static_cast<double>(output) + 0.5) * scale;
  const int begin = std::max(0, static_cast<int>(centre - filter.support * stretch + 0.5));
  const int end = std::min(axis.from, static_cast<int>(centre + filter.support * stretch + 0.5));
  std::vector<double> weights;
  double sum = 0;
  for (int x = begin; x < end; ++x) sum += weights.emplace_back(filter.weight((x - centre + 0.5) * inverse));
  Taps taps{begin, {}};
  for (const double weight : weights)
    taps.weights.push_back(static_cast<int>(std::lround(weight / sum * (1 << fraction_bits))));
  return taps;
}

std::vector<Taps> taps_of(const Filter& filter, const Axis& axis) {
  std::vector<Taps> taps;
  for (int i = 0; i < axis.count; ++i) taps.push_back(taps_of(filter, axis, axis.first + i));
  return taps;
}

// One output pixel from input pixels that lie `stride` bytes apart.
void convolve(const Taps& taps, const std::uint8_t* in, std::ptrdiff_t stride, std::uint8_t* out) {
  int sums[3] = {1 << (fraction_bits - 1), 1 << (fraction_bits - 1), 1 << (fraction_bits - 1)};
  for (const int weight : taps.weights) {
    for (int c = 0; c < 3; ++c) sums[c] += weight * in[c];
    in += stride;
  }
  for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(std::clamp(sums[c] >> fraction_bits, 0, 255));
}

Image resize(const Image& image, const Filter& filter, const Axis& across, const Axis& down) {
  const std::vector<Taps> columns = taps_of(filter, across), rows = taps_of(filter, down);
  // Only the input rows that the output needs.
  const int top = rows.front().begin;
  const int bottom = rows.back().begin + static_cast<int>(rows.back().weights.size());
  Image narrow{across.count, bottom - top, {}};
  narrow.pixels.resize(std::size_t{3} * narrow.width * narrow.height);
  for (int y = 0; y < narrow.height; ++y)
    for (int x = 0; x < narrow.width; ++x)
      convolve(columns[x], image.row(top + y) + 3 * columns[x].begin, 3, narrow.row(y) + 3 * x);

  Image result{across.count, down.count, {}};
  result.pixels.resize(std::size_t{3} * result.width * result.height);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      convolve(rows[y], narrow.row(rows[y].begin - top) + 3 * x, std::ptrdiff_t{3} * narrow.width,
               result.row(y) + 3 * x);
  return result;
}

}  // namespace

Image centre_crop(Image image, int size) {
  if (image.width == size && image.height == size) return image;
  while (std::min(image.width, image.height) >= 2 * std::int64_t{size}) {
    const int width = image.width / 2, height = image.height / 2;
    image = resize(image, box, {image.width, width, 0, width}, {image.height, height, 0, height});
  }
  const double scale = static_cast<double>(size) / std::min(image.width, image.height);
  const auto window = [&](int length) {
    const auto scaled = static_cast<std::int64_t>(std::nearbyint(length * scale));  // half to even, as Python rounds
    return Axis{length, scaled, (scaled - size) / 2, size};
  };
  return resize(image, bicubic, window(image.width), window(image.height));
}

}  // namespace dydit::data
