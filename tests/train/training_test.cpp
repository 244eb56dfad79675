// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "diffusion/draws.h"
#include "support.h"

using namespace dydit;

TEST_CASE("training lowers the training and the held-out loss") {
  const test::TemporaryFolder folder;
  test::train_in(folder.path() / "run", test::tiny_job({.steps = 150,
                                                        .batch = 16,
                                                        .learning_rate = 1e-2,
                                                        .ema_decay = 0.9,
                                                        .record_every = 10,
                                                        .held_out_images = 40}));
  const auto run = record::read_run(folder.path() / "run");
  REQUIRE(run.records.size() == 15);
  // Nothing is predicted at first: the error begins near the noise's variance.
  CHECK(run.records.front().metrics.at("train_mse").value == Approx(1).margin(0.15));
  for (const char* metric : {"train_mse", "held_out_mse"}) {
    CAPTURE(metric);
    CHECK(run.records.back().metrics.at(metric).value < 0.75);
    CHECK(run.records.back().metrics.at(metric).value < 0.9 * run.records.front().metrics.at(metric).value);
  }
  CHECK(run.records.back().axes == record::Json{{"model", "tiny"}, {"step", 150}});
}

TEST_CASE("a training draws noise that no study draws") {
  const test::TemporaryFolder folder;
  test::train_in(folder.path() / "run",
                 test::tiny_job({.steps = 1, .batch = 40, .record_every = 1, .held_out_images = 5}));
  std::vector<std::int64_t> images(40), epoch(40, 0);
  std::iota(images.begin(), images.end(), 0);
  const auto square = [&](Purpose purpose) {
    return diffusion::normal_rows(0, purpose, images, epoch, {3, 8, 8}).square().mean().item<double>();
  };
  // A new model predicts nothing: its error is the noise's square.
  const double mse = record::read_run(folder.path() / "run").records.at(0).metrics.at("train_mse").value;
  CHECK(mse == Approx(square(Purpose::training_noise)).epsilon(1e-5));
  CHECK(mse != Approx(square(Purpose::noise)).epsilon(1e-5));
}

TEST_CASE("a training is its seed's") {
  const test::TemporaryFolder folder;
  auto job = test::tiny_job({.steps = 3, .batch = 8, .record_every = 3, .held_out_images = 5});
  test::train_in(folder.path() / "a", job);
  test::train_in(folder.path() / "again", job);
  CHECK((test::checkpoint_bytes(folder.path() / "a", 3) == test::checkpoint_bytes(folder.path() / "again", 3)));
  job.seed = 1;
  test::train_in(folder.path() / "b", job);
  const auto weights = [&](const char* run) {
    return checkpoint::read_safetensors(train::checkpoint_path(folder.path() / run, "tiny", 3)).tensors;
  };
  const auto a = weights("a"), b = weights("b");
  for (const char* name : {"model.blocks.0.attn.qkv.weight", "ema.final_layer.linear.weight"})
    CHECK(!std::ranges::equal(a.at(name).bytes, b.at(name).bytes));
}

TEST_CASE("a loss that is not finite ends the training with a failed record") {
  const test::TemporaryFolder folder;
  auto job = test::tiny_job({.steps = 4, .batch = 8, .record_every = 2, .held_out_images = 5});
  SECTION("too high a learning rate") { job.options.learning_rate = 1e30; }
  SECTION("images that are not numbers") {
    const auto images = std::make_shared<test::AlteredData>(40);
    images->alter = [](std::int64_t, std::span<float> pixels) { pixels[0] = NAN; };
    job.images = images;
  }
  CHECK_THROWS_AS(test::train_in(folder.path() / "run", job), RunError);
  const auto run = record::read_run(folder.path() / "run");
  REQUIRE(run.records.size() == 1);
  CHECK(run.records[0].status == record::Status::failed);
  CHECK(run.records[0].error == "the loss is not finite");
  CHECK(!train::newest_checkpoint(folder.path() / "run", "tiny"));
}
