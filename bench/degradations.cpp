// SPDX-License-Identifier: Apache-2.0
// Whether a network's Frechet distance sees what people see: real images are degraded in five ways, each in five
// grades, and held against other real images. A line for each; exit code 1 unless each grade is farther than the one
// before, by intervals of 95 % that are apart.
//     dydit_degradations NETWORK IMAGES [OUT.json]
#include <fmt/format.h>
#include <jpeglib.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/dataset.h"
#include "quality/judge.h"
#include "quality/network.h"

using namespace dydit;
using torch::Tensor;

namespace {

struct Images {
  Tensor pixels;  // (N,3,H,W) from 0 to 1
  std::vector<std::int64_t> labels;
};

// Every second image of a set, from `first` on: both halves have all classes.
Images half_of(const std::shared_ptr<const data::Dataset>& set, std::int64_t first) {
  const data::Shape shape = set->shape();
  Images images{torch::empty({(set->size() - first + 1) / 2, shape.channels, shape.height, shape.width}), {}};
  for (std::int64_t i = first; i < set->size(); i += 2) {
    Tensor one = images.pixels[std::ssize(images.labels)];
    set->read(i, false, {one.data_ptr<float>(), static_cast<std::size_t>(one.numel())});
    images.labels.push_back(set->label(i));
  }
  images.pixels = (images.pixels + 1) / 2;
  return images;
}

Tensor in_8_bits(const Tensor& pixels) { return (pixels.clamp(0, 1) * 255).round() / 255; }

Tensor with_noise(const Images& images, double levels) {
  const Tensor noise = torch::empty_like(images.pixels);
  Random(0, Purpose::grain, 0).fill_normal({noise.data_ptr<float>(), static_cast<std::size_t>(noise.numel())});
  return images.pixels + levels / 255 * noise;
}

Tensor blurred(const Images& images, double sigma) {
  const auto reach = static_cast<std::int64_t>(std::ceil(3 * sigma));
  Tensor window = (-torch::arange(-reach, reach + 1, torch::kFloat32).square() / (2 * sigma * sigma)).exp();
  window = window / window.sum();
  const std::int64_t channels = images.pixels.size(1), size = window.size(0);
  const Tensor padded = at::replication_pad2d(images.pixels, {reach, reach, reach, reach});
  const Tensor across = window.view({1, 1, 1, size}).expand({channels, 1, 1, size}).contiguous();
  const Tensor down = window.view({1, 1, size, 1}).expand({channels, 1, size, 1}).contiguous();
  const auto convolve = [&](const Tensor& x, const Tensor& by) {
    return torch::nn::functional::conv2d(x, by, torch::nn::functional::Conv2dFuncOptions().groups(channels));
  };
  return convolve(convolve(padded, across), down);
}

// Bytes (H,W,3) through a JPEG of that quality.
void compress(std::vector<std::uint8_t>& pixels, int width, int height, int quality) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct out{};
  out.err = jpeg_std_error(&errors);
  jpeg_create_compress(&out);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&out, &bytes, &size);
  out.image_width = static_cast<JDIMENSION>(width);
  out.image_height = static_cast<JDIMENSION>(height);
  out.input_components = 3;
  out.in_color_space = JCS_RGB;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, quality, TRUE);
  jpeg_start_compress(&out, TRUE);
  const auto row_of = [&](JDIMENSION row) {
    return pixels.data() + std::size_t{3} * row * static_cast<std::size_t>(width);
  };
  while (out.next_scanline < out.image_height) {
    JSAMPROW row = row_of(out.next_scanline);
    jpeg_write_scanlines(&out, &row, 1);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  jpeg_decompress_struct in{};
  in.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&in);
  jpeg_mem_src(&in, bytes, size);
  jpeg_read_header(&in, TRUE);
  jpeg_start_decompress(&in);
  while (in.output_scanline < in.output_height) {
    JSAMPROW row = row_of(in.output_scanline);
    jpeg_read_scanlines(&in, &row, 1);
  }
  jpeg_finish_decompress(&in);
  jpeg_destroy_decompress(&in);
  std::free(bytes);
}

Tensor compressed(const Images& images, double quality) {
  const Tensor bytes = (images.pixels * 255).round().to(torch::kUInt8).permute({0, 2, 3, 1}).contiguous();
  const auto height = static_cast<int>(bytes.size(1)), width = static_cast<int>(bytes.size(2));
  for (std::int64_t i = 0; i < bytes.size(0); ++i) {
    std::uint8_t* const first = bytes[i].data_ptr<std::uint8_t>();
    std::vector<std::uint8_t> pixels(first, first + std::ptrdiff_t{3} * width * height);
    compress(pixels, width, height, static_cast<int>(quality));
    std::ranges::copy(pixels, first);
  }
  return bytes.permute({0, 3, 1, 2}).to(torch::kFloat32) / 255;
}

// More red and less blue.
Tensor with_cast(const Images& images, double share) {
  const Tensor gains = torch::tensor({1 + share, 1.0, 1 - share}, torch::kFloat32).view({1, 3, 1, 1});
  return images.pixels * gains;
}

// Each image with one of another class shining through.
Tensor mixed(const Images& images, double share) {
  Tensor out = images.pixels.clone();
  for (std::int64_t i = 0; i < out.size(0); ++i) {
    Random random(0, Purpose::order, static_cast<std::uint64_t>(i));
    std::int64_t other = i;
    while (images.labels[static_cast<std::size_t>(other)] == images.labels[static_cast<std::size_t>(i)])
      other = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(out.size(0))));
    out[i].lerp_(images.pixels[other], share);
  }
  return out;
}

struct Degradation {
  const char* name;
  const char* unit;
  std::array<double, 5> grades;
  std::function<Tensor(const Images&, double)> apply;
};

const std::array<Degradation, 5>& degradations() {
  static const std::array<Degradation, 5> all{{
      {"noise", "grey levels", {12, 20, 32, 48, 64}, with_noise},
      {"blur", "pixels", {0.5, 0.7, 1, 1.4, 2}, blurred},
      {"compression", "JPEG quality", {40, 20, 10, 5, 2}, compressed},
      {"colour", "more red, less blue", {0.18, 0.28, 0.42, 0.6, 0.8}, with_cast},
      {"mixing", "share of another class", {0.2, 0.27, 0.35, 0.43, 0.5}, mixed},
  }};
  return all;
}

int run(const std::vector<std::string>& arguments) {
  torch::InferenceMode inference;
  const auto network = quality::load_network(arguments[0], torch::kCPU);
  const std::shared_ptr<const data::Dataset> set = data::open_dataset(arguments[1], {.size = 32});
  const auto seen = [&](const Tensor& pixels) {
    return quality::Set{.where = arguments[1], .features = (*network)(in_8_bits(pixels)).pooled};
  };
  quality::Judge judge(seen(half_of(set, 0).pixels), {.metrics = {quality::Metric::frechet}, .resamples = 100});
  const Images others = half_of(set, 1);
  const auto distance = [&](const Tensor& pixels) { return judge.judge(seen(pixels)).values.front(); };
  const quality::Judged clean = distance(others.pixels);
  fmt::print("{} images against {}, as they are: {:.4f} [{:.4f}, {:.4f}]\n", others.labels.size(),
             judge.reference().features.size(0), clean.value, clean.ci95->first, clean.ci95->second);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  const auto put = [&](const std::string& kind, double grade, const quality::Judged& judged) {
    rows.push_back({{"kind", kind},
                    {"grade", grade},
                    {"frechet", judged.value},
                    {"frechet_low", judged.ci95->first},
                    {"frechet_high", judged.ci95->second},
                    {"images", others.labels.size()}});
  };
  put("none", 0, clean);
  bool ordered = true;
  for (const Degradation& kind : degradations()) {
    double before = clean.ci95->second;  // the interval's upper end
    for (const double grade : kind.grades) {
      const quality::Judged judged = distance(kind.apply(others, grade));
      const bool apart = before < judged.ci95->first;
      ordered = ordered && apart;
      fmt::print("{:<12} {:>5} {:<24} {:9.4f} [{:.4f}, {:.4f}]{}\n", kind.name, grade, kind.unit, judged.value,
                 judged.ci95->first, judged.ci95->second, apart ? "" : "   not apart");
      std::fflush(stdout);
      put(kind.name, grade, judged);
      before = judged.ci95->second;
    }
  }
  if (arguments.size() > 2) write_atomically(arguments[2], rows.dump(1) + "\n");
  return ordered ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2 || arguments.size() > 3) {
    fmt::print(stderr, "usage: dydit_degradations NETWORK IMAGES [OUT.json]\n");
    return 2;
  }
  try {
    return run(arguments);
  } catch (const Error& error) {
    fmt::print(stderr, "dydit_degradations: {}\n", error.what());
    return static_cast<int>(error.code());
  }
}
