// SPDX-License-Identifier: Apache-2.0
// InceptionV3 as Frechet distances take it: the network of the ADM evaluator and pytorch-fid, whose weights differ from
// torchvision's (average pools without their padding, a maximum in the last block, batch norms of eps 1e-3).
#pragma once

#include <torch/types.h>

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/tensor.h"
#include "quality/network.h"

namespace dydit::quality {

/// Features: pooled (N,2048); spatial (N,2023), of a layer of 17 x 17, as ADM has them; logits (N,1008).
class Inception final : public FeatureNetwork {
 public:
  /// Names and shapes of the state dict `pt_inception-2015-12-05` that are read.
  static std::vector<std::pair<std::string, std::vector<std::int64_t>>> parameters();

  /// Throws InputError naming `where` for a tensor that is missing, of another shape or not finite; superfluous are
  /// only counters of batches and the last bias.
  Inception(const checkpoint::Tensors& tensors, const std::string& where, torch::Device device);

  /// Of images (N,3,H,W), which are resized to 299 x 299 as pytorch-fid does it (bilinear, half pixels, corners not
  /// aligned; the ADM evaluator's TensorFlow has no half pixels). Throws InputError for values outside [0,1],
  /// NotFinite.
  Features operator()(const torch::Tensor& images) const override;

 private:
  struct Convolution {
    torch::Tensor weight, bias;  // with the batch norm in them
  };
  torch::Tensor convolve(const torch::Tensor& x, const std::string& name, std::int64_t stride = 1,
                         std::array<std::int64_t, 2> padding = {0, 0}) const;
  Features of_some(torch::Tensor images) const;
  torch::Tensor mixed_a(const torch::Tensor& x, const std::string& name) const;
  torch::Tensor mixed_c(const torch::Tensor& x, const std::string& name) const;
  torch::Tensor mixed_e(const torch::Tensor& x, const std::string& name, bool maximum) const;

  std::map<std::string, Convolution> convolutions_;
  torch::Tensor last_;  // (1008,2048)
};

}  // namespace dydit::quality
