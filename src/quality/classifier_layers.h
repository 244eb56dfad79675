// SPDX-License-Identifier: Apache-2.0
// The layers of a classifier, for training and for use.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "quality/classifier.h"

namespace dydit::quality {

/// A convolution of 3 x 3.
struct ClassifierLayer {
  const char* name;
  std::int64_t in, out;
};

inline std::vector<ClassifierLayer> classifier_layers(const ClassifierConfiguration& c) {
  const std::int64_t w = c.width;
  return {{"first", 3, w},         {"second", w, 2 * w},     {"early.0", 2 * w, 2 * w}, {"early.1", 2 * w, 2 * w},
          {"third", 2 * w, 4 * w}, {"fourth", 4 * w, 8 * w}, {"late.0", 8 * w, 8 * w},  {"late.1", 8 * w, 8 * w}};
}

/// What the metadata of its file say. Throws InputError naming `where`.
ClassifierConfiguration classifier_configuration(const checkpoint::Metadata& metadata, const std::string& where);

/// Images (N,3,H,W), from -1 to 1, through `convolve(name, x)`: convolution, norm and ReLU.
template <typename Convolve>
Features classify(torch::Tensor x, const torch::Tensor& head, const Convolve& convolve) {
  constexpr std::int64_t spatial_channels = 7;
  const auto half = [](const torch::Tensor& of) { return at::max_pool2d(of, {2, 2}); };
  x = half(convolve("second", convolve("first", std::move(x))));
  x = x + convolve("early.1", convolve("early.0", x));
  x = half(convolve("third", x));
  Features features;
  features.spatial = x.narrow(1, 0, spatial_channels).permute({0, 2, 3, 1}).flatten(1);
  x = half(convolve("fourth", x));
  x = x + convolve("late.1", convolve("late.0", x));
  features.pooled = x.mean({2, 3});
  features.logits = features.pooled.mm(head.t());
  return features;
}

}  // namespace dydit::quality
