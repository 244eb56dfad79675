// SPDX-License-Identifier: Apache-2.0
// A set of images as a judge sees it: by its features, or by what is kept of them.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "quality/gaussian.h"

namespace dydit::quality {

inline constexpr std::int64_t most_dimensions = 16384;  ///< of features: of a covariance of 2 GiB

struct Set {
  std::string where = {};
  std::string network = {};  ///< the hash of the file by which its features were made; empty: not known
  torch::Tensor features = {}, spatial = {}, logits = {};        ///< (N,d), (N,s), (N,K), float32; undefined: not known
  std::optional<Gaussian> gaussian = {}, spatial_gaussian = {};  ///< of a set whose features are not there
};

/// - a .safetensors with `features` (N,d), and `spatial` (N,s) and `logits` (N,K) where they are known, of any floating
///   type;
/// - a .npz of the ADM evaluator with `mu` (d) and `sigma` (d,d), and `mu_s` and `sigma_s` where they are known.
/// With `moments` alone what a Frechet distance needs of features, whose file is read once, some rows at a time.
/// Throws InputError, naming tensor and row, for one that is missing, does not fit the others or is not finite.
Set read_set(const std::filesystem::path& path, bool moments = false);

/// As a .safetensors that read_set reads. Throws RunError.
void write_set(const std::filesystem::path& path, const Set& set);

}  // namespace dydit::quality
