// SPDX-License-Identifier: Apache-2.0
// Sets of images, by the features that a network sees in them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "quality/network.h"
#include "quality/set.h"

namespace dydit::quality {

struct Seeing {
  std::optional<std::int64_t> size = {};  ///< side to which images are cropped; else all of a set are of one size
  std::int64_t batch = 64;                ///< images that are read at once, fewer where they are large
  int threads = 2;                        ///< that read them
  bool moments = false;                   ///< only these are kept, whatever the number of images
  bool spatial = true, logits = true;     ///< wanted besides the features, of a network that has them
  bool quiet = false;
};

/// Whether `path` is a set of images: a folder, a .zip, or an .npz with `arr_0`.
bool has_images(const std::filesystem::path& path);
/// Whether it is an .npz with `mu`.
bool has_moments(const std::filesystem::path& path);

struct Seen {
  Set set;
  std::int64_t height = 0, width = 0;  ///< of the images
  std::vector<std::string> notes;      ///< for people: which files were left out
};

/// `path` is a folder or .zip of images (data::open_image_set), or an .npz with `arr_0` (N,H,W,3), 8 bits, as the ADM
/// evaluator takes it. Throws InputError for a broken image, one of another size, and
/// for too many features; UsageError for a `size` that an
/// .npz's images have not; Interrupted.
Seen see(const std::filesystem::path& path, const FeatureNetwork& network, const Seeing& seeing);

}  // namespace dydit::quality
