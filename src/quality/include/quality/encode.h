// SPDX-License-Identifier: Apache-2.0
// A set of images as a file of latents, which a latent DiT is trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "data/dataset.h"
#include "quality/vae.h"

namespace dydit::quality {

struct Encoding {
  std::int64_t batch = 16;
  int threads = 2;      ///< that read images
  bool sample = false;  ///< a draw of the posterior, of latent i a pure function of (seed, i); else its mean
  std::uint64_t seed = 0;
  bool mirrored = false;  ///< behind the latents of all images those of their mirror images
  bool quiet = false;
};

/// Writes `path`, a .safetensors that data::open_dataset reads: of image i latent i, times the scaling factor, float32,
/// and its label; whole or not at all. Throws UsageError where the images do not fit the autoencoder, InputError for
/// an image that is broken, NotFinite, Interrupted.
void encode_dataset(const std::shared_ptr<const data::Dataset>& images, const Vae& vae,
                    const std::filesystem::path& path, const Encoding& encoding);

}  // namespace dydit::quality
