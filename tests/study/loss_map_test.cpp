// SPDX-License-Identifier: Apache-2.0

#include "catch.h"
#include "diffusion/draws.h"
#include "support.h"

using namespace dydit;

TEST_CASE("the mean of a loss map of one draw is the loss of the same draw") {
  test::StudyRun gap, map;
  std::vector<study::Model> models{test::tiny_model("a", 1), test::tiny_model("b", 2)};
  const auto setting = test::setting({20, 400, 980}, 6);
  test::run_study("loss-gap", models, test::synthetic(10), setting, &gap.run);
  test::run_study("loss-map", models, test::synthetic(10), setting, &map.run, /*draws=*/1);
  for (const char* model : {"a", "b"}) {
    const auto maps = map.gathered(model, "map"), mse = gap.gathered(model, "mse");
    CHECK(maps.sizes() == torch::IntArrayRef{10, 3, 8, 8});
    CHECK(test::distance(maps.mean({2, 3}), mse) <=
          16 * std::numeric_limits<float>::epsilon() * mse.max().item<double>());
  }
}

TEST_CASE("a loss map is the mean over its draws, each with noise of its own") {
  test::StudyRun run;
  std::vector<study::Model> models{test::tiny_model("zero")};
  const std::vector<double> timesteps{200, 900};
  test::run_study("loss-map", models, test::synthetic(4), test::setting(timesteps, 4), &run.run, /*draws=*/3);
  const auto maps = run.gathered("zero", "map");
  const std::vector<std::int64_t> images{0, 1, 2, 3};
  for (std::size_t k = 0; k < timesteps.size(); ++k) {
    torch::Tensor expected = torch::zeros({4, 8, 8});
    for (std::int64_t draw = 0; draw < 3; ++draw) {
      const std::vector<std::int64_t> draws(4, draw * 1000 + static_cast<std::int64_t>(timesteps[k]));
      expected += diffusion::normal_rows(0, Purpose::noise, images, draws, {3, 8, 8}).square().mean(1) / 3;
    }
    // A mean of nine squares, up to about ten.
    CHECK(test::distance(maps.select(1, static_cast<std::int64_t>(k)), expected) <= 1e-5);
  }
}

TEST_CASE("a loss map keeps its images and what they are") {
  test::StudyRun run;
  std::vector<study::Model> models{test::tiny_model("a", 1)};
  const auto whole = std::make_shared<test::AlteredData>(40);
  const auto subset = std::make_shared<data::Subset>(whole, 7);
  test::run_study("loss-map", models, subset, test::setting({500}, 3), &run.run, 1);
  const auto index = run.gathered("a", "index"), label = run.gathered("a", "label"), image = run.gathered("a", "image");
  REQUIRE(index.size(0) == 7);
  for (std::int64_t i = 0; i < 7; ++i) {
    const auto original = index[i].item<std::int64_t>();
    CHECK(original == i * 40 / 7);
    CHECK(label[i].item<std::int64_t>() == whole->label(original));
    std::vector<float> pixels(192);
    whole->read(original, false, pixels);
    CHECK(torch::equal(image[i].flatten(), torch::tensor(pixels)));
  }
}
