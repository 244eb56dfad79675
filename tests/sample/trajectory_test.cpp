// SPDX-License-Identifier: Apache-2.0
// On a made-up engine: what image i is, whatever it is computed beside, and which images a fault names.
#include "sample/trajectory.h"

#include <torch/torch.h>

#include "base/error.h"
#include "catch.h"
#include "diffusion/draws.h"

using namespace dydit;
using Catch::Matchers::Contains;
using torch::Tensor;

namespace {

// A tenth of its input, and of its label. From `fails_below` on, images of class 2 are not finite, which it sees itself
// where it is asked to.
struct MadeUp final : engine::Engine {
  engine::Outcome forward(const model::Inputs& in, const engine::Masks&, engine::Overruled) override {
    largest_batch = std::max(largest_batch, in.x.size(0));
    Tensor output = 0.1 * in.x + 0.1 * in.y.view({-1, 1, 1, 1});
    if (in.t[0].item<double>() <= fails_below)
      output = output.masked_fill((in.y == 2).view({-1, 1, 1, 1}), std::numeric_limits<double>::quiet_NaN());
    if (checks_finite && !output.isfinite().all().item<bool>()) throw NotFinite("a router is not finite");
    return {output, {}};
  }
  double weight_bytes(const model::Activity&) const override { return 0; }
  double fails_below = -1;
  std::int64_t largest_batch = 0;
};

struct Made {
  std::shared_ptr<MadeUp> engine = std::make_shared<MadeUp>();
  sample::Setting setting;

  explicit Made(const diffusion::SamplingSpec& spec) {
    const diffusion::ProcessSpec process;
    setting.sampler = diffusion::sampler_of(spec, process, /*learn_sigma=*/false);
    setting.model = {engine, diffusion::process_of(process, /*learn_sigma=*/false, torch::kCPU), 4};
    setting.guidance = spec.guidance();
    setting.shape = {2, 4, 4};
    setting.seed = 7;
  }
};

}  // namespace

TEST_CASE("image i is a function of seed and i") {
  for (const char* sampler : {"ddim", "ddpm", "dpmpp"}) {
    CAPTURE(sampler);
    const Made made({.sampler = sampler, .steps = 5, .cfg_scale = 1.5});
    const Tensor whole = images_of(made.setting, 0, 8);
    CHECK(whole.sizes() == at::IntArrayRef({8, 2, 4, 4}));
    CHECK(made.engine->largest_batch == 16);  // both halves in one pass
    CHECK(torch::equal(torch::cat({images_of(made.setting, 0, 3), images_of(made.setting, 3, 5)}), whole));
    CHECK(torch::equal(images_of(made.setting, 5, 1), whole.narrow(0, 5, 1)));
    CHECK(!torch::equal(whole[0], whole[1]));
    Made other = made;
    other.setting.seed = 8;
    CHECK(!torch::equal(images_of(other.setting, 0, 1)[0], whole[0]));
  }
}

TEST_CASE("a trajectory begins at draw 0 of an image, and step s adds draw 1 + s") {
  const Made made({.sampler = "ddpm", .steps = 3});
  const auto normals = [](std::int64_t draw) {
    const std::vector<std::int64_t> image{6}, draws{draw};
    return diffusion::normal_rows(7, Purpose::sampling, image, draws, {2, 4, 4});
  };
  const Tensor y = torch::tensor(labels_of(made.setting, 6, 1), torch::kInt64);
  const Tensor expected =
      made.setting.sampler->sample(normals(0), {.model = denoiser_of(made.setting.model, made.setting.guidance, y),
                                                .noise = [&](std::int64_t step) { return normals(1 + step); }});
  CHECK(torch::equal(images_of(made.setting, 6, 1), expected));
}

TEST_CASE("classes go round, or are drawn evenly for each image by itself") {
  Made made({});
  const auto drawn = labels_of(made.setting, 0, 4000);
  for (std::int64_t label = 0; label < 4; ++label) CHECK(std::abs(std::ranges::count(drawn, label) - 1000) < 150);
  CHECK(labels_of(made.setting, 1000, 2) == std::vector{drawn[1000], drawn[1001]});
  made.setting.classes = {3, 0, 1};
  CHECK(labels_of(made.setting, 2, 4) == std::vector<std::int64_t>{1, 3, 0, 1});
}

TEST_CASE("images that are not finite are named, with the first time at which they were not") {
  Made made({.sampler = "ddim", .steps = 10, .spacing = "ddim"});
  made.setting.classes = {0, 2, 1};
  made.engine->fails_below = 450;
  const bool checks = GENERATE(true, false);
  made.engine->checks_finite = checks;
  const auto message = [&](std::int64_t first, std::int64_t count) {
    try {
      images_of(made.setting, first, count);
    } catch (const NotFinite& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(message(0, 3), Contains("image 1 at time 400:"));
  CHECK_THAT(message(3, 6), Contains("images 4, 7 at time 400:"));
  CHECK_THAT(message(0, 30), Contains("images 1, 4, 7, 10, 13 and 5 more at time 400:"));
  CHECK(message(2, 2).empty());
  CHECK(made.engine->checks_finite == checks);
}
