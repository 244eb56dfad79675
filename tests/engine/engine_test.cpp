// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "toy.h"

using namespace dydit;
using Catch::Matchers::Equals;
using torch::Tensor;

namespace {

const model::Architecture toy = test::toy_architecture();

engine::Masks all_on(std::int64_t images) { return engine::all_on(toy, images, torch::kCPU); }

}  // namespace

TEST_CASE("what is on is counted by layer and averaged over the images") {
  const auto mask = [](const std::vector<int>& on) { return torch::tensor(on).view({2, 2, -1}).to(torch::kBool); };
  const Tensor heads = mask({1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0});
  const Tensor channels = mask({1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1});
  const Tensor tokens = mask({1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1});
  const auto activity = engine::activity_of({heads, channels, tokens});
  REQUIRE(activity.on.size() == 3);
  for (const auto& of_axis : activity.on) REQUIRE(of_axis.size() == 2);
  const auto is = [&](std::size_t layer, double h, double g, double t, double gt) {
    const auto& on = activity.on;
    return on[0][layer] == h && on[1][layer] == g && on[2][layer] == t && activity.both[1][2][layer] == gt;
  };
  CHECK(is(0, 1.5, 2, 2, (1 * 3 + 3 * 1) / 2.0));
  CHECK(is(1, 2, 2, 2, (2 * 0 + 2 * 4) / 2.0));
  CHECK(activity.both[2][1] == activity.both[1][2]);
}

TEST_CASE("axes whose layers differ in number have means of their own, and none together") {
  const auto activity = engine::activity_of(all_on(5));
  CHECK(activity.on == model::complete(toy.units).on);
  CHECK(activity.both == model::complete(toy.units).both);
  CHECK(activity.both[0][2].empty());
}

TEST_CASE("shares are those of each image, the MACs' first, and their gradients flow") {
  torch::manual_seed(1);
  const auto type = GENERATE(torch::kFloat32, torch::kFloat64);
  engine::Masks masks;
  for (const Tensor& mask : all_on(2)) masks.push_back(torch::rand(mask.sizes(), type).requires_grad_());
  const Tensor shares = engine::shares_of(masks, toy);
  REQUIRE(shares.sizes() == torch::IntArrayRef({2, 4}));
  CHECK(shares.scalar_type() == type);
  const Tensor heads = masks[0].mean(2), tokens = masks[1].mean(2), experts = masks[2].mean(2);  // (N,layers)
  const Tensor macs = (6 * heads + 3 * heads * tokens).mean(1) / 10 + experts.mean(1) / 10;
  const Tensor expected = torch::stack({macs, heads.mean(1), tokens.mean(1), experts.mean(1)}, 1);
  CHECK(torch::allclose(shares, expected));
  shares.select(1, 0).sum().backward();
  CHECK(torch::allclose(masks[0].grad(), ((6 + 3 * tokens) / 10 / 2 / 3).unsqueeze(2).expand({2, 2, 3})));
  CHECK(torch::allclose(masks[1].grad(), (3 * heads / 10 / 2 / 4).unsqueeze(2).expand({2, 2, 4})));
  CHECK(torch::allclose(masks[2].grad(), torch::full({2, 1, 2}, 0.1 / 2, type)));
}

TEST_CASE("shares of decisions are in float32, and 1 where everything is on") {
  const Tensor shares = engine::shares_of(all_on(3), toy);
  CHECK(shares.scalar_type() == torch::kFloat32);
  CHECK(torch::allclose(shares, torch::ones({3, 4})));
  engine::Masks masks = all_on(3);
  masks[1][2].fill_(false);  // no token of the last image
  CHECK(torch::allclose(engine::shares_of(masks, toy)[2], torch::tensor({0.7F, 1.0F, 0.0F, 1.0F})));
}

TEST_CASE("masks are cut and put together by images, and what is undefined stays so") {
  engine::Masks masks = all_on(4);
  for (Tensor& mask : masks) mask = torch::rand(mask.sizes()) < 0.5;
  const auto first = engine::narrow(masks, 0, 1), others = engine::narrow(masks, 1, 3);
  const auto together = engine::concatenated({first, others});
  REQUIRE(together.size() == masks.size());
  for (std::size_t axis = 0; axis < masks.size(); ++axis) {
    CHECK(torch::equal(others[axis], masks[axis].narrow(0, 1, 3)));
    CHECK(torch::equal(together[axis], masks[axis]));
  }
  masks[1] = Tensor();
  CHECK(!engine::narrow(masks, 1, 2)[1].defined());
  CHECK(engine::narrow(masks, 1, 2)[2].size(0) == 2);
}

TEST_CASE("imposed masks that fit are taken as they are, and none is one for each axis that is not there") {
  const engine::Masks none = engine::require_fit({}, toy.units, 2);
  REQUIRE(none.size() == 3);
  for (const Tensor& mask : none) CHECK(!mask.defined());
  engine::Masks some(3);
  some[1] = torch::zeros({2, 2, 4}, torch::kBool);  // no token has to be on
  const engine::Masks fit = engine::require_fit(some, toy.units, 2);
  CHECK(torch::equal(fit[1], some[1]));
  CHECK(!fit[0].defined());
  CHECK(engine::require_fit({}, {}, 2).empty());  // of a dense model
}

TEST_CASE("imposed masks that do not fit the axes are refused by name") {
  const auto refused = [](const engine::Masks& masks, const std::string& line) {
    CHECK_THROWS_AS(engine::require_fit(masks, toy.units, 2), UsageError);
    CHECK_THROWS_WITH(engine::require_fit(masks, toy.units, 2), Equals(line));
  };
  const auto with = [](std::size_t axis, const Tensor& mask) {
    engine::Masks masks = all_on(2);
    masks[axis] = mask;
    return masks;
  };
  refused({torch::ones({2, 2, 3}, torch::kBool)},
          "imposed masks do not fit the model: 1 masks: give one for each of its 3 axes, or none");
  const std::string tokens = "an imposed mask does not fit the model: tokens: give bool of shape (2, 2, 4)";
  refused(with(1, torch::ones({2, 2, 4})), tokens);
  refused(with(1, torch::ones({2, 2, 3}, torch::kBool)), tokens);
  refused(with(1, torch::ones({3, 2, 4}, torch::kBool)), tokens);
  refused(with(1, torch::ones({2, 8}, torch::kBool)), tokens);
  Tensor heads = torch::ones({2, 2, 3}, torch::kBool);
  heads[1][0][0] = false;
  refused(with(0, heads), "an imposed mask switches unit 0 off: heads: it is always on");
}

TEST_CASE("the complete model takes no mask with a unit off") {
  const torch::NoGradGuard no_grad;
  engine::Dense dense(std::make_shared<test::Toy>(toy));
  const model::Inputs in{
      .x = torch::randn({2, 1, 4, 4}), .t = torch::zeros({2}), .y = torch::zeros({2}, torch::kInt64)};
  const auto skipped = engine::Overruled::skipped;
  engine::Masks tokens(3);
  tokens[1] = torch::ones({2, 2, 4}, torch::kBool);
  for (const engine::Masks& imposed : {engine::Masks(), all_on(2), tokens}) {
    const auto outcome = dense.forward(in, imposed, skipped);
    CHECK(torch::equal(outcome.output, 2 * in.x));
    CHECK(torch::equal(engine::shares_of(outcome.masks, toy), engine::shares_of(all_on(2), toy)));
    CHECK(outcome.logits.empty());
  }
  tokens[1][1][0][3] = false;
  CHECK_THROWS_AS(dense.forward(in, tokens, skipped), UsageError);
  CHECK_THROWS_WITH(dense.forward(in, tokens, skipped),
                    Equals("the complete model has no masks: Toy-1: choose an engine that has"));
  CHECK_THROWS_AS(dense.forward(in, all_on(3), skipped), UsageError);
  CHECK(dense.weight_bytes({}) == 4);
  CHECK(dense.packed_bytes() == 0);
}

TEST_CASE("the output of the complete model is given as it is: whether it is finite is for others to ask") {
  const torch::NoGradGuard no_grad;
  const auto network = std::make_shared<test::Toy>(toy);
  network->weight.fill_(NAN);
  engine::Dense dense(network);
  const model::Inputs in{.x = torch::ones({1, 1, 4, 4}), .t = torch::zeros({1}), .y = torch::zeros({1}, torch::kInt64)};
  CHECK(dense.forward(in, {}, engine::Overruled::skipped).output.isnan().all().item<bool>());
}
