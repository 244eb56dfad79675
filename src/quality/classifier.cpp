// SPDX-License-Identifier: Apache-2.0
#include "quality/classifier.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "base/bounds.h"
#include "base/error.h"
#include "classifier_layers.h"
#include "float32.h"
#include "model/tensors.h"

namespace dydit::quality {

using torch::Tensor;

bool Classifier::recognises(const checkpoint::Metadata& metadata) { return metadata.contains("classifier"); }

Classifier::Classifier(const checkpoint::Tensors& tensors, const checkpoint::Metadata& metadata,
                       const std::string& where, torch::Device device) {
  configuration_ = classifier_configuration(metadata, where);
  const auto taken = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.shape != shape)
      throw InputError("not the weights of a classifier", where,
                       fmt::format("{} is not there as {}", name, checkpoint::to_string(shape)));
    const Tensor tensor = model::to_torch(found->second).to(device, torch::kFloat32);
    if (!tensor.isfinite().all().item<bool>())
      throw InputError("not the weights of a classifier", where, name + " is not finite");
    return tensor;
  };
  for (const ClassifierLayer& layer : classifier_layers(configuration_))
    layers_[layer.name] = {taken(std::string(layer.name) + ".weight", {layer.out, layer.in, 3, 3})
                               .contiguous(at::MemoryFormat::ChannelsLast),  // half of the time on a CPU
                           taken(std::string(layer.name) + ".bias", {layer.out})};
  layers_["head"] = {taken("head.weight", {configuration_.classes, 8 * configuration_.width}), {}};
}

Features Classifier::operator()(const Tensor& images) const {
  torch::NoGradGuard no_grad;
  const NoTf32 in_float32;
  require_images(images, "the classifier");
  const std::int64_t side = configuration_.size;
  const Tensor& head = layers_.at("head").weight;
  constexpr std::int64_t at_once = 256;
  return in_parts(images, at_once, [&](const Tensor& part) {
    Tensor x = part.to(head.device(), torch::kFloat32);
    if (x.size(2) != side || x.size(3) != side)
      x = at::_upsample_bilinear2d_aa(x, {side, side}, /*align_corners=*/false);
    return classify((2 * x - 1).contiguous(at::MemoryFormat::ChannelsLast), head,
                    [&](const std::string& name, const Tensor& of) {
                      const Layer& layer = layers_.at(name);
                      return at::conv2d(of, layer.weight, layer.bias, {1, 1}, {1, 1}).relu_();
                    });
  });
}

}  // namespace dydit::quality
