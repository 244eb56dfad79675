// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "support.h"

using namespace dydit;

namespace {

struct Fixture {
  Fixture() {
    profile.name = "tiny";
    profile.data = {.path = "synthetic:20", .size = 8};
    profile.train = {{"steps", 2}, {"batch", 4}, {"record_every", 2}, {"held_out_images", 4}};
    profile.models = {{.name = "a", .configuration = test::tiny_configuration()},
                      {.name = "b/2", .configuration = test::tiny_configuration(), .train = {{"steps", 3}}}};
  }
  run::Finished train(const std::vector<std::string>& names = {}) const {
    return run::run_training(profile, test::settings(out), names);
  }

  test::TemporaryFolder folder;
  const std::filesystem::path out = folder.path() / "run";
  run::Profile profile;
};

}  // namespace

TEST_CASE("the models of a profile are trained one after the other") {
  const Fixture f;
  f.train();
  const auto run = record::read_run(f.out);
  CHECK(std::filesystem::exists(f.out / "checkpoints" / "a-00000002.safetensors"));
  CHECK(std::filesystem::exists(f.out / "checkpoints" / "b--2-00000003.safetensors"));
  CHECK(run.manifest["models"][1]["trained"]["steps"] == 3);
  CHECK(run.manifest["end"].is_string());
  CHECK(dit::load_dit(f.out / "checkpoints" / "a-00000002.safetensors")->configuration ==
        dit::from_json(test::tiny_configuration()));
}

TEST_CASE("only the models that are named are trained") {
  const Fixture f;
  f.train({"b/2"});
  CHECK(record::read_run(f.out).manifest["models"].size() == 1);
  CHECK_THROWS_WITH(f.train({"c"}), Catch::Contains("no such model") && Catch::Contains("c"));
}

TEST_CASE("a training that cannot begin is refused before anything is written") {
  Fixture f;
  SECTION("classes of the images") { f.profile.models[1].configuration["num_classes"] = 7; }
  SECTION("size of the held-out images") { f.profile.held_out = run::DataSpec{.path = "synthetic:9", .size = 16}; }
  SECTION("no configuration") { f.profile.models[0].configuration = nullptr; }
  SECTION("a wrong option of one model") { f.profile.models[1].train["steps"] = 0; }
  SECTION("a wrong key of a configuration") { f.profile.models[0].configuration["widht"] = 3; }
  SECTION("weights that are not finite") {
    f.profile.models[1] = {.name = "b", .checkpoint = f.folder.path() / "diverged.safetensors"};
    test::write_checkpoint(f.profile.models[1].checkpoint, 1, test::tiny_configuration());
    auto file = checkpoint::read_safetensors(f.profile.models[1].checkpoint);
    file.tensors["final_layer.linear.bias"] =
        model::from_torch(model::to_torch(file.tensors.at("final_layer.linear.bias")) * NAN);
    const auto written = f.folder.path() / "written.safetensors";
    checkpoint::write_safetensors(written, file.tensors, file.metadata);
    std::filesystem::rename(written, f.profile.models[1].checkpoint);
  }
  SECTION("units of a model whose routers are trained") {
    auto routed = test::tiny_configuration();
    routed["dynamic"] = true;
    f.profile.models[1] = {.name = "b", .checkpoint = f.folder.path() / "routed.safetensors"};
    test::write_checkpoint(f.profile.models[1].checkpoint, 1, routed);
    SECTION("ordered") { f.profile.models[1].train = {{"dynamic", {{"order", "taylor"}}}}; }
    SECTION("pruned") {
      f.profile.models[1].train = {{"dynamic", {{"decide", "static"}, {"skip", "widths"}, {"lambda", 0.7}}}};
    }
  }
  SECTION("no models") { f.profile.models.clear(); }
  CHECK_THROWS_AS(f.train(), Error);
  CHECK(!std::filesystem::exists(f.out));
}

TEST_CASE("a training goes on only with the profile it began with") {
  Fixture f;
  f.train();
  f.profile.train["learning_rate"] = 0.5;
  CHECK_THROWS_AS(f.train(), UsageError);
  CHECK_THROWS_WITH(f.train(), Catch::Contains("/profile/models/0/train/learning_rate: 0.5 where the run has 0.0001"));
}
