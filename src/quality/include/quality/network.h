// SPDX-License-Identifier: Apache-2.0
// A network that sees features in images, by which sets of them are compared.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace dydit::quality {

struct Features {
  torch::Tensor pooled;   ///< (N,d)
  torch::Tensor spatial;  ///< (N,s): seven channels of a layer in the middle, pixel by pixel; undefined: has none
  torch::Tensor logits;   ///< (N,K), without a last bias; undefined: has none
};

class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;
  /// Of images (N,3,H,W), from 0 to 1; on its device. Throws InputError for images that do not fit, NotFinite.
  virtual Features operator()(const torch::Tensor& images) const = 0;
};

/// Throws InputError, naming `network`, unless they are (N,3,H,W) with values from 0 to 1.
void require_images(const torch::Tensor& images, const std::string& network);
/// The parts of the images that a network takes at once, one after the other. Throws NotFinite, Interrupted.
Features in_parts(const torch::Tensor& images, std::int64_t at_once,
                  const std::function<Features(const torch::Tensor&)>& of_some);

/// Of a file, told apart by content:
/// - a state dict `pt_inception-2015-12-05` (inception.h);
/// - a classifier of `train_classifier` (classifier.h);
/// - any TorchScript module that makes a tensor (N,d,...) of images (N,3,H,W) from 0 to 1.
/// Throws InputError.
std::unique_ptr<FeatureNetwork> load_network(const std::filesystem::path& path, torch::Device device);

}  // namespace dydit::quality
