// SPDX-License-Identifier: Apache-2.0
#include "quality/inception.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <array>
#include <span>

#include "base/error.h"
#include "base/interrupt.h"
#include "checkpoint/checkpoint.h"
#include "float32.h"
#include "model/finite.h"
#include "model/tensors.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

struct Window {
  std::string name;
  std::int64_t in, out, height = 1, width = 1;
};

void add_a(std::vector<Window>& all, const std::string& name, std::int64_t in, std::int64_t pooled) {
  for (const Window& w : {Window{".branch1x1", in, 64},
                          {".branch5x5_1", in, 48},
                          {".branch5x5_2", 48, 64, 5, 5},
                          {".branch3x3dbl_1", in, 64},
                          {".branch3x3dbl_2", 64, 96, 3, 3},
                          {".branch3x3dbl_3", 96, 96, 3, 3},
                          {".branch_pool", in, pooled}})
    all.push_back({name + w.name, w.in, w.out, w.height, w.width});
}

void add_c(std::vector<Window>& all, const std::string& name, std::int64_t c) {
  for (const Window& w : {Window{".branch1x1", 768, 192},
                          {".branch7x7_1", 768, c},
                          {".branch7x7_2", c, c, 1, 7},
                          {".branch7x7_3", c, 192, 7, 1},
                          {".branch7x7dbl_1", 768, c},
                          {".branch7x7dbl_2", c, c, 7, 1},
                          {".branch7x7dbl_3", c, c, 1, 7},
                          {".branch7x7dbl_4", c, c, 7, 1},
                          {".branch7x7dbl_5", c, 192, 1, 7},
                          {".branch_pool", 768, 192}})
    all.push_back({name + w.name, w.in, w.out, w.height, w.width});
}

void add_e(std::vector<Window>& all, const std::string& name, std::int64_t in) {
  for (const Window& w : {Window{".branch1x1", in, 320},
                          {".branch3x3_1", in, 384},
                          {".branch3x3_2a", 384, 384, 1, 3},
                          {".branch3x3_2b", 384, 384, 3, 1},
                          {".branch3x3dbl_1", in, 448},
                          {".branch3x3dbl_2", 448, 384, 3, 3},
                          {".branch3x3dbl_3a", 384, 384, 1, 3},
                          {".branch3x3dbl_3b", 384, 384, 3, 1},
                          {".branch_pool", in, 192}})
    all.push_back({name + w.name, w.in, w.out, w.height, w.width});
}

std::vector<Window> windows() {
  std::vector<Window> all{{"Conv2d_1a_3x3", 3, 32, 3, 3},
                          {"Conv2d_2a_3x3", 32, 32, 3, 3},
                          {"Conv2d_2b_3x3", 32, 64, 3, 3},
                          {"Conv2d_3b_1x1", 64, 80},
                          {"Conv2d_4a_3x3", 80, 192, 3, 3}};
  add_a(all, "Mixed_5b", 192, 32);
  add_a(all, "Mixed_5c", 256, 64);
  add_a(all, "Mixed_5d", 288, 64);
  for (const Window& w : {Window{"Mixed_6a.branch3x3", 288, 384, 3, 3},
                          {"Mixed_6a.branch3x3dbl_1", 288, 64},
                          {"Mixed_6a.branch3x3dbl_2", 64, 96, 3, 3},
                          {"Mixed_6a.branch3x3dbl_3", 96, 96, 3, 3}})
    all.push_back(w);
  add_c(all, "Mixed_6b", 128);
  add_c(all, "Mixed_6c", 160);
  add_c(all, "Mixed_6d", 160);
  add_c(all, "Mixed_6e", 192);
  for (const Window& w : {Window{"Mixed_7a.branch3x3_1", 768, 192},
                          {"Mixed_7a.branch3x3_2", 192, 320, 3, 3},
                          {"Mixed_7a.branch7x7x3_1", 768, 192},
                          {"Mixed_7a.branch7x7x3_2", 192, 192, 1, 7},
                          {"Mixed_7a.branch7x7x3_3", 192, 192, 7, 1},
                          {"Mixed_7a.branch7x7x3_4", 192, 192, 3, 3}})
    all.push_back(w);
  add_e(all, "Mixed_7b", 1280);
  add_e(all, "Mixed_7c", 2048);
  return all;
}

constexpr std::array<const char*, 4> norm_parts{"weight", "bias", "running_mean", "running_var"};
constexpr std::int64_t classes = 1008, width = 2048;

Tensor average(const Tensor& x) {
  return at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
}
Tensor half(const Tensor& x) { return at::max_pool2d(x, {3, 3}, {2, 2}); }

}  // namespace

std::vector<std::pair<std::string, std::vector<std::int64_t>>> Inception::parameters() {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> all;
  for (const Window& w : windows()) {
    all.push_back({w.name + ".conv.weight", {w.out, w.in, w.height, w.width}});
    for (const char* part : norm_parts) all.push_back({w.name + ".bn." + part, {w.out}});
  }
  all.push_back({"fc.weight", {classes, width}});
  return all;
}

Inception::Inception(const checkpoint::Tensors& tensors, const std::string& where, torch::Device device) {
  constexpr double eps = 1e-3;
  const auto refuse = [&](const std::string& why) {
    throw InputError("not the inception network of Frechet distances", where, why);
  };
  std::map<std::string, Tensor> taken;
  for (const auto& [name, shape] : parameters()) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) refuse(name + " is missing");
    if (found->second.shape != shape)
      refuse(fmt::format("{} is {} where {} is to be", name, checkpoint::to_string(found->second.shape),
                         checkpoint::to_string(shape)));
    taken[name] = model::to_torch(found->second).to(torch::kFloat64);
    if (!taken[name].isfinite().all().item<bool>()) refuse(name + " is not finite");
  }
  for (const auto& [name, tensor] : tensors)
    if (!taken.contains(name) && name != "fc.bias" && !name.ends_with(".num_batches_tracked"))
      refuse(name + " is not of it");
  const auto placed = [&](const Tensor& tensor) { return tensor.to(device, torch::kFloat32); };
  for (const Window& w : windows()) {
    const std::string norm = w.name + ".bn.";
    if ((taken[norm + "running_var"] < 0).any().item<bool>()) refuse(norm + "running_var is below 0");
    const Tensor gain = taken[norm + "weight"] / (taken[norm + "running_var"] + eps).sqrt();
    convolutions_[w.name] = {placed(taken[w.name + ".conv.weight"] * gain.view({-1, 1, 1, 1})),
                             placed(taken[norm + "bias"] - taken[norm + "running_mean"] * gain)};
  }
  last_ = placed(taken["fc.weight"]);
}

Tensor Inception::convolve(const Tensor& x, const std::string& name, std::int64_t stride,
                           std::array<std::int64_t, 2> padding) const {
  const Convolution& c = convolutions_.at(name);
  const std::array strides{stride, stride};
  return at::conv2d(x, c.weight, c.bias, strides, padding).relu_();
}

Tensor Inception::mixed_a(const Tensor& x, const std::string& name) const {
  const auto c = [&](const Tensor& of, const char* branch, std::int64_t padding) {
    return convolve(of, name + branch, 1, {padding, padding});
  };
  return torch::cat(
      {c(x, ".branch1x1", 0), c(c(x, ".branch5x5_1", 0), ".branch5x5_2", 2),
       c(c(c(x, ".branch3x3dbl_1", 0), ".branch3x3dbl_2", 1), ".branch3x3dbl_3", 1), c(average(x), ".branch_pool", 0)},
      1);
}

Tensor Inception::mixed_c(const Tensor& x, const std::string& name) const {
  using Padding = std::array<std::int64_t, 2>;
  const auto c = [&](const Tensor& of, const char* branch, Padding padding = {0, 0}) {
    return convolve(of, name + branch, 1, padding);
  };
  constexpr Padding along{0, 3}, down{3, 0};
  Tensor twice = c(c(x, ".branch7x7dbl_1"), ".branch7x7dbl_2", down);
  twice = c(c(c(twice, ".branch7x7dbl_3", along), ".branch7x7dbl_4", down), ".branch7x7dbl_5", along);
  return torch::cat({c(x, ".branch1x1"), c(c(c(x, ".branch7x7_1"), ".branch7x7_2", along), ".branch7x7_3", down), twice,
                     c(average(x), ".branch_pool")},
                    1);
}

Tensor Inception::mixed_e(const Tensor& x, const std::string& name, bool maximum) const {
  const auto both = [&](const Tensor& of, const std::string& branch) {
    return torch::cat({convolve(of, branch + "a", 1, {0, 1}), convolve(of, branch + "b", 1, {1, 0})}, 1);
  };
  const Tensor pooled = maximum ? at::max_pool2d(x, {3, 3}, {1, 1}, {1, 1}) : average(x);
  return torch::cat({convolve(x, name + ".branch1x1"), both(convolve(x, name + ".branch3x3_1"), name + ".branch3x3_2"),
                     both(convolve(convolve(x, name + ".branch3x3dbl_1"), name + ".branch3x3dbl_2", 1, {1, 1}),
                          name + ".branch3x3dbl_3"),
                     convolve(pooled, name + ".branch_pool")},
                    1);
}

Features Inception::operator()(const Tensor& images) const {
  torch::NoGradGuard no_grad;
  const NoTf32 in_float32;
  require_images(images, "the inception network");
  constexpr std::int64_t at_once = 16;
  return in_parts(images, at_once,
                  [this](const Tensor& part) { return of_some(part.to(last_.device(), torch::kFloat32)); });
}

Features Inception::of_some(Tensor x) const {
  constexpr std::int64_t side = 299, spatial_channels = 7;
  if (x.size(2) != side || x.size(3) != side) x = at::upsample_bilinear2d(x, {side, side}, /*align_corners=*/false);
  x = 2 * x - 1;
  x = convolve(convolve(x, "Conv2d_1a_3x3", 2), "Conv2d_2a_3x3");
  x = half(convolve(x, "Conv2d_2b_3x3", 1, {1, 1}));
  x = half(convolve(convolve(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"));
  for (const char* name : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) x = mixed_a(x, name);
  x = torch::cat({convolve(x, "Mixed_6a.branch3x3", 2),
                  convolve(convolve(convolve(x, "Mixed_6a.branch3x3dbl_1"), "Mixed_6a.branch3x3dbl_2", 1, {1, 1}),
                           "Mixed_6a.branch3x3dbl_3", 2),
                  half(x)},
                 1);
  for (const char* name : {"Mixed_6b", "Mixed_6c"}) x = mixed_c(x, name);
  Features features;
  // TensorFlow's mixed_6/conv of the ADM evaluator, channels last.
  features.spatial = convolve(x, "Mixed_6d.branch1x1").narrow(1, 0, spatial_channels).permute({0, 2, 3, 1}).flatten(1);
  for (const char* name : {"Mixed_6d", "Mixed_6e"}) x = mixed_c(x, name);
  Tensor sevens = convolve(convolve(x, "Mixed_7a.branch7x7x3_1"), "Mixed_7a.branch7x7x3_2", 1, {0, 3});
  sevens = convolve(convolve(sevens, "Mixed_7a.branch7x7x3_3", 1, {3, 0}), "Mixed_7a.branch7x7x3_4", 2);
  x = torch::cat({convolve(convolve(x, "Mixed_7a.branch3x3_1"), "Mixed_7a.branch3x3_2", 2), sevens, half(x)}, 1);
  x = mixed_e(mixed_e(x, "Mixed_7b", /*maximum=*/false), "Mixed_7c", /*maximum=*/true);
  features.pooled = x.mean({2, 3});
  features.logits = features.pooled.mm(last_.t());
  return features;
}

}  // namespace dydit::quality
