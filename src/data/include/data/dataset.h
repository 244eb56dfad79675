// SPDX-License-Identifier: Apache-2.0
// Labelled images (or latents) by index, from class folders, a zip of class folders, precomputed
// latents, or made up. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace dydit::data {

struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t elements() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

/// Reading may be called from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  virtual std::int64_t classes() const = 0;
  virtual Shape shape() const = 0;
  virtual std::int64_t label(std::int64_t index) const = 0;
  /// "airplane/0000.jpg": what messages call the sample.
  virtual std::string name(std::int64_t index) const = 0;
  /// Writes sample `index` as float32 (C,H,W): images in [-1, 1], latents as stored. `flip` mirrors
  /// left-right. Throws InputError naming the sample when it is broken.
  virtual void read(std::int64_t index, bool flip, std::span<float> out) const = 0;
  /// Hash over names, sizes and checksums of the samples: recognises the data without decoding them.
  virtual std::string hash() const = 0;
};

struct ImageOptions {
  std::int64_t size = 32;  ///< centre crop to size x size as ADM and DiT do: box-halve while >= 2x, bicubic to the shorter side, crop
};

/// `path`: a directory of class folders, a .zip of class folders (read in place), a .safetensors with
/// `latent` and `label`, a directory with `*_features/` and `*_labels/`, or "synthetic:N" (N images in
/// 10 classes, a pure function of the seed). Throws InputError when there is nothing usable.
std::unique_ptr<Dataset> open_dataset(const std::string& path, const ImageOptions& options, std::uint64_t seed = 0);

}  // namespace dydit::data
