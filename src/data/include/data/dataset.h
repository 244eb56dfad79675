// SPDX-License-Identifier: Apache-2.0
// Labelled images (or latents) by index, from class folders, a zip of class folders, precomputed
// latents, or made up. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dydit::data {

struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t elements() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

/// Reading may be called from several threads at once. An `index` out of range throws std::out_of_range.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  virtual std::int64_t classes() const = 0;
  virtual Shape shape() const = 0;
  virtual std::int64_t label(std::int64_t index) const = 0;
  /// "airplane/0000.jpg": what messages call the sample.
  virtual std::string name(std::int64_t index) const = 0;
  /// Writes sample `index` as float32 (C,H,W): images as x / 127.5 - 1, RGB, latents as stored. `flip`
  /// mirrors left-right. Throws InputError naming the sample when it is broken.
  virtual void read(std::int64_t index, bool flip, std::span<float> out) const = 0;
  /// Hash over the names, sizes, labels and, where they are at hand, checksums of the samples:
  /// recognises the data without decoding them. (In a directory a file of the same size goes unnoticed.)
  virtual std::string hash() const = 0;
  /// Lines for people about what was found when it was opened: which files were left out, and why.
  virtual std::vector<std::string> notes() const { return {}; }
};

struct ImageOptions {
  std::int64_t size = 32;  ///< images become size x size by the centre crop of ADM and DiT
};

/// `path` is one of
/// - a directory or a .zip (read in place) of class folders, `CLASS/.../IMAGE` (JPEG, PNG or WebP, by its ending).
///   Labels are 0, 1, ... in the order of the folders' names, or as a `labels.json` beside them says: {"folder":
///   label, ..., "classes": number of classes (optional)}. Folders around them are seen through while each holds
///   nothing but the next. Files of other kinds are counted in notes(), but for hidden ones.
/// - a .safetensors with `latent` (N,C,h,w), f32, f16 or bf16, and integers `label` (N); its metadata may state
///   `classes`.
/// - a directory with `*_features/i.npy` (1,C,h,w), f32 or f16, and integers `*_labels/i.npy`; a `labels.json` there
///   may state "classes".
/// - "synthetic:N": N images in 10 classes, a pure function of the seed.
/// Throws InputError when there is nothing usable, UsageError for a bad size or N.
std::unique_ptr<Dataset> open_dataset(const std::string& path, const ImageOptions& options, std::uint64_t seed = 0);

/// Images as they are, to be compared with others: all below a folder or in a .zip, wherever they lie there, in the
/// order of their names, of one class. With a `size` they are cropped to it as open_dataset does; without one the first
/// image's is that of all. Throws InputError where there is nothing usable; `read` throws it for an image of another
/// size.
std::unique_ptr<Dataset> open_image_set(const std::string& path, std::optional<std::int64_t> size);

}  // namespace dydit::data
