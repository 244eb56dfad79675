// SPDX-License-Identifier: Apache-2.0
// Against pytorch-fid with weights by formula: those that people use cannot be had here.
#include "quality/inception.h"

#include <torch/torch.h>

#include "base/error.h"
#include "catch.h"
#include "golden.h"
#include "inception_weights.h"
#include "model/tensors.h"

using namespace dydit;
using Catch::Matchers::Contains;
using dydit::test::Golden;
using quality::Inception;
using torch::Tensor;

TEST_CASE("features are those of the published network") {
  const Golden golden("inception_fid");
  const checkpoint::Tensors weights = test::inception_weights();
  for (const auto& [name, check] : golden.entry["config"]["weight_check"].items()) {
    CAPTURE(name);
    const Tensor tensor = model::to_torch(weights.at(name)).to(torch::kFloat64).flatten();
    CHECK(tensor[0].item<double>() == Approx(check["first3"][0].get<double>()).epsilon(1e-6));
    CHECK(tensor.sum().item<double>() == Approx(check["sum_f64"].get<double>()).epsilon(1e-6).margin(1e-4));
  }
  const Tensor j = torch::arange(2 * 3 * 299 * 299, torch::kFloat64);
  const Tensor images =
      (0.5 + 0.5 * torch::sin(0.37 * j + 0.5 + 1e-6 * j * j)).to(torch::kFloat32).view({2, 3, 299, 299});
  const Inception inception(weights, "formula", torch::kCPU);
  const quality::Features features = inception(images);
  const double bound = golden.entry["tolerance"]["fp32_rel_l2"].get<double>();
  CHECK(test::rel_l2(features.pooled, golden["pool3"]) <= bound);
  CHECK(test::rel_l2(features.logits, golden["fc_logits_nobias"]) <= bound);
  CHECK(features.spatial.sizes() == at::IntArrayRef({2, 7 * 17 * 17}));
  CHECK_THROWS_AS(inception(images * 2 - 1), InputError);
  // Images of another size are made as large.
  const quality::Features small = inception(torch::full({1, 3, 20, 30}, 0.25));
  CHECK(test::rel_l2(small.pooled, inception(torch::full({1, 3, 299, 299}, 0.25)).pooled) <= 1e-5);
}

TEST_CASE("another network is refused") {
  checkpoint::Tensors weights = test::inception_weights();
  const auto refused = [&](const checkpoint::Tensors& tensors, const char* why) {
    CHECK_THROWS_WITH(Inception(tensors, "file.pth", torch::kCPU), Contains(why));
  };
  checkpoint::Tensors changed = weights;
  changed.erase("Mixed_7c.branch_pool.conv.weight");
  refused(changed, "file.pth: Mixed_7c.branch_pool.conv.weight is missing");
  changed = weights;
  changed["AuxLogits.fc.weight"] = weights.at("fc.weight");
  refused(changed, "AuxLogits.fc.weight is not of it");
  changed = weights;
  changed["fc.weight"] = weights.at("fc.bias");
  refused(changed, "fc.weight is (1008) where (1008, 2048) is to be");
  changed = weights;
  changed["Conv2d_1a_3x3.bn.bias"] = model::from_torch(torch::full({32}, NAN));
  refused(changed, "Conv2d_1a_3x3.bn.bias is not finite");
  CHECK_THROWS_AS(Inception(weights, "", torch::kCPU)(torch::zeros({2, 1, 8, 8})), InputError);
}
