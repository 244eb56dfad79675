// SPDX-License-Identifier: Apache-2.0
#include "quality/network.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include <functional>
#include <sstream>
#include <vector>

#include "base/bounds.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "checkpoint/checkpoint.h"
#include "float32.h"
#include "model/finite.h"
#include "quality/classifier.h"
#include "quality/inception.h"

namespace dydit::quality {

using torch::Tensor;

void require_images(const Tensor& images, const std::string& network) {
  if (images.dim() != 4 || images.size(1) != 3 || images.numel() == 0)
    throw InputError("images do not fit " + network, checkpoint::to_string(images.sizes().vec()),
                     "they must be (N, 3, H, W)");
  if (!(images.min().item<double>() >= 0 && images.max().item<double>() <= 1))
    throw InputError("images do not fit " + network, "image", "their values must be from 0 to 1");
}

Features in_parts(const Tensor& images, std::int64_t at_once, const std::function<Features(const Tensor&)>& of_some) {
  std::vector<Tensor> pooled, spatial, logits;
  for (const Tensor& part : images.split(at_once)) {
    stop_if_interrupted("before all features were made");
    Features features = of_some(part);
    pooled.push_back(std::move(features.pooled));
    if (features.spatial.defined()) spatial.push_back(std::move(features.spatial));
    if (features.logits.defined()) logits.push_back(std::move(features.logits));
  }
  Features all{torch::cat(pooled), spatial.empty() ? Tensor() : torch::cat(spatial),
               logits.empty() ? Tensor() : torch::cat(logits)};
  for (const Tensor* tensor : {&all.pooled, &all.spatial, &all.logits})
    if (tensor->defined()) model::require_finite_output(*tensor);
  return all;
}

namespace {

// The last line of its message that says something.
std::string reason_of(const std::exception& error) {
  std::istringstream lines(error.what());
  std::string last;
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(" ~<-") != line.npos && !line.starts_with("Exception raised")) last = line;
  return shortened(last);
}

class Scripted final : public FeatureNetwork {
 public:
  Scripted(const std::filesystem::path& path, torch::Device device) : where_(path.string()), device_(device) {
    try {
      module_ = torch::jit::load(path.string(), device);
      module_.eval();
    } catch (const c10::Error& error) {
      throw InputError("not a TorchScript module that can be read", where_, error.what_without_backtrace());
    }
  }

  Features operator()(const Tensor& images) const override {
    torch::NoGradGuard no_grad;
    const NoTf32 in_float32;
    require_images(images, where_);
    constexpr std::int64_t at_once = 64;
    return in_parts(images, at_once, [this](const Tensor& part) { return of_some(part); });
  }

 private:
  Features of_some(const Tensor& images) const {
    c10::IValue value;
    try {
      value = module_({images.to(device_, torch::kFloat32)});
    } catch (const c10::OutOfMemoryError&) {
      throw;
    } catch (const std::exception& error) {  // of its own code, behind that code's trace
      throw InputError("a TorchScript module does not take these images", where_,
                       "its forward must make features (N, d) of a tensor (N, 3, H, W) of their size, from 0 to 1 (" +
                           reason_of(error) + ")");
    }
    if (!value.isTensor() || value.toTensor().dim() < 2 || value.toTensor().size(0) != images.size(0))
      throw InputError("a TorchScript module makes no features", where_, "its forward must return a tensor (N, d)");
    return {value.toTensor().flatten(1).to(torch::kFloat32), {}, {}};
  }

  std::string where_;
  torch::Device device_;
  mutable torch::jit::Module module_;
};

// A zip that has constants beside its code, which a state dict has not.
bool is_script(const std::filesystem::path& path) {
  try {
    return caffe2::serialize::PyTorchStreamReader(path.string()).hasRecord("constants.pkl");
  } catch (const c10::Error&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<FeatureNetwork> load_network(const std::filesystem::path& path, torch::Device device) {
  if (is_script(path)) return std::make_unique<Scripted>(path, device);
  const checkpoint::Checkpoint opened = checkpoint::open_checkpoint(path);
  if (!Classifier::recognises(opened.metadata) && !opened.tensors.contains("Conv2d_1a_3x3.conv.weight"))
    throw InputError(
        "no network that sees features", path.string(),
        "give the inception network of Frechet distances, a classifier of dydit classifier, or TorchScript");
  if (Classifier::recognises(opened.metadata))
    return std::make_unique<Classifier>(opened.tensors, opened.metadata, path.string(), device);
  return std::make_unique<Inception>(opened.tensors, path.string(), device);
}

}  // namespace dydit::quality
