// SPDX-License-Identifier: Apache-2.0
// dydit sample: which images a run has, what is made of them, and what is refused.
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "data/png.h"
#include "diffusion/draws.h"
#include "dynamic_weights.h"
#include "probe.h"
#include "tiny_runs.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::Arguments;
namespace fs = std::filesystem;

namespace {

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void require_done(const test::Outcome& outcome) {
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
}

void check_refused(const test::Outcome& outcome, int code, const std::string& named) {
  CAPTURE(outcome.err);
  CHECK(outcome.code == code);
  CHECK(test::is_one_error(outcome.err));
  CHECK_THAT(outcome.err, Contains(named));
}

data::Image picture(const fs::path& path) {
  const std::string bytes = read_file(path);
  return data::decode_png(std::as_bytes(std::span(bytes)), path);
}

}  // namespace

TEST_CASE("a run has its images once: as PNGs, in a grid, in ADM's .npz, and their classes") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto outcome = test::run_dydit(with(test::sampling(folder.path()), {"--images", "13", "--batch", "5", "--steps",
                                                                            "3", "--classes", "7,0,2", "--out", run}));
  require_done(outcome);
  CHECK(outcome.out == run.string() + "\n");
  CHECK(test::images_of(run).size() == 13 + 3);
  const auto pixels = test::pixels_of(run);
  const data::Image grid = picture(run / "grid.png");
  CHECK((grid.width == 9 * 10 + 2 && grid.height == 2 * 10 + 2));  // three times three classes in a row
  std::string csv = "index,class\n";
  for (std::size_t i = 0; i < 13; ++i) {
    CAPTURE(i);
    const data::Image image =
        picture(run / "images" / (std::string(i < 10 ? "00000" : "0000") + std::to_string(i) + ".png"));
    CHECK((image.width == 8 && image.height == 8));
    CHECK(std::equal(image.pixels.begin(), image.pixels.end(), pixels.begin() + static_cast<std::ptrdiff_t>(192 * i)));
    const int top = 2 + 10 * static_cast<int>(i / 9), left = 2 + 10 * static_cast<int>(i % 9);
    for (int y = 0; y < 8; ++y) CHECK(std::equal(image.row(y), image.row(y) + 24, grid.row(top + y) + 3 * left));
    csv += std::to_string(i) + "," + std::to_string(std::array{7, 0, 2}[i % 3]) + "\n";
  }
  CHECK(read_file(run / "images.csv") == csv);
  CHECK(read_file(run / "samples.npz").find("arr_1.npy") != std::string::npos);
}

TEST_CASE("samples are what the probe makes of the same noise and classes") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto command = test::sampling(folder.path());
  const Arguments sampler{"--sampler", "ddpm", "--steps", "4", "--spacing", "even", "--cfg-scale", "1.5"};
  require_done(test::run_dydit(with(with(command, sampler), {"--images", "3", "--seed", "5", "--out", run})));
  const std::vector<std::int64_t> images{0, 1, 2};
  std::vector<torch::Tensor> noise;
  for (std::int64_t draw = 0; draw < 5; ++draw) {
    const std::vector<std::int64_t> draws(3, draw);
    noise.push_back(diffusion::normal_rows(5, Purpose::sampling, images, draws, {3, 8, 8}));
  }
  std::vector<std::int64_t> classes;
  std::ifstream csv(run / "images.csv");
  for (std::string line; std::getline(csv, line);)
    if (line != "index,class") classes.push_back(std::stol(line.substr(line.find(',') + 1)));
  const auto probed = test::run_probe("sample",
                                      {{"x_T", noise[0]},
                                       {"y", torch::tensor(classes, torch::kInt64)},
                                       {"noise", torch::stack({noise[1], noise[2], noise[3], noise[4]})}},
                                      with({"--checkpoint", command[2]}, sampler));
  require_done(probed.outcome);
  const torch::Tensor levels =
      (127.5 * probed.written.at("sample") + 128).clamp(0, 255).floor().permute({0, 2, 3, 1}).contiguous();
  const std::vector<std::uint8_t> expected(levels.data_ptr<float>(), levels.data_ptr<float>() + levels.numel());
  const auto pixels = test::pixels_of(run);
  CHECK(test::largest_difference(pixels, expected) <= 1);
  std::size_t other = 0;  // at the edge of a level
  for (std::size_t i = 0; i < pixels.size(); ++i) other += pixels[i] != expected[i];
  CHECK(other <= pixels.size() / 100);
  CHECK(levels.std().item<double>() > 10);
}

TEST_CASE("the images are the same in batches of any size") {
  const test::TemporaryFolder folder;
  const auto command = with(test::sampling(folder.path()), {"--images", "8", "--sampler", GENERATE("ddim", "ddpm"),
                                                            "--steps", "10", "--cfg-scale", "2"});
  for (const char* batch : {"8", "3", "1"})
    require_done(test::run_dydit(with(command, {"--batch", batch, "--out", folder.path() / batch})));
  const auto whole = test::pixels_of(folder.path() / "8");
  for (const char* batch : {"3", "1"})
    CHECK(test::largest_difference(test::pixels_of(folder.path() / batch), whole) <= 1);
}

TEST_CASE("a finished run is left alone, goes on to more images, and is not one of other settings") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run", whole = folder.path() / "whole", other = folder.path() / "other";
  const auto base = with(test::sampling(folder.path()), {"--batch", "3"}), command = with(base, {"--steps", "2"});
  require_done(test::run_dydit(with(command, {"--images", "8", "--out", run})));
  const auto eight = test::images_of(run);
  const auto written = fs::last_write_time(run / "samples.npz");
  const auto again = test::run_dydit(with(command, {"--images", "8", "--out", run}));
  require_done(again);
  CHECK_THAT(again.err, Contains(run.string() + " has its 8 images"));
  CHECK((test::images_of(run) == eight));
  CHECK(fs::last_write_time(run / "samples.npz") == written);

  check_refused(test::run_dydit(with(command, {"--images", "7", "--out", run})), 2, "the run has 8 images");
  check_refused(test::run_dydit(with(base, {"--images", "8", "--steps", "3", "--out", run})), 2,
                "steps: 3 where the run has 2");
  CHECK((test::images_of(run) == eight));

  require_done(test::run_dydit(with(command, {"--images", "11", "--out", run})));
  require_done(test::run_dydit(with(command, {"--images", "11", "--out", whole})));
  CHECK((test::images_of(run) == test::images_of(whole)));

  fs::rename(run / "images" / "000004.png", run / "images" / "000004.png.part");  // as a killed process leaves it
  require_done(test::run_dydit(with(command, {"--images", "11", "--out", run})));
  CHECK((test::images_of(run) == test::images_of(whole)));

  const Arguments forced{"--images", "5", "--steps", "3", "--force", "--out"};
  require_done(test::run_dydit(with(base, with(forced, {run}))));
  require_done(test::run_dydit(with(base, with(forced, {other}))));
  auto made = test::images_of(run);
  std::size_t earlier = 0;
  for (const auto& [name, bytes] : test::images_of(run))
    if (name.starts_with("earlier/")) earlier += made.erase(name);
  CHECK((made == test::images_of(other)));
  CHECK(earlier == 11 + 3 + 1);  // and their record

  const auto back = test::run_dydit(with(command, {"--images", "11", "--force", "--out", run}));
  require_done(back);
  CHECK_THAT(back.err, Contains("has its 11 images"));
  CHECK((test::pixels_of(run) == test::pixels_of(whole)));
}

TEST_CASE("images that depend on their batch are not added behind a part of one") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto sample = [&](const char* images) {
    return test::run_dydit(with(test::sampling(folder.path()), {"--images", images, "--batch", "4", "--steps", "4",
                                                                "--cache", "teacache:.1", "--out", run}));
  };
  require_done(sample("4"));
  require_done(sample("6"));
  check_refused(sample("9"), 2, "the run ends with a batch of 2 images");
  require_done(sample("6"));
}

TEST_CASE("a manifest whose note of the images is damaged is told") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto sample = [&](const char* images) {
    return test::run_dydit(with(test::sampling(folder.path()), {"--images", images, "--steps", "2", "--out", run}));
  };
  require_done(sample("1"));
  const std::string manifest = read_file(run / "manifest.json");
  for (const char* damaged : {R"([1])", R"({"identity": "x", "images": "many"})", R"({"images": 1})"}) {
    auto json = nlohmann::ordered_json::parse(manifest);
    json["sampled"] = nlohmann::ordered_json::parse(damaged);
    std::ofstream(run / "manifest.json") << json.dump(2);
    check_refused(sample("2"), 3, "manifest.json");
  }
}

TEST_CASE("channels that are no colours are latents, which a study reads") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const std::string checkpoint = test::tiny_weights();
  const auto outcome = test::run_dydit({"sample", "--checkpoint", checkpoint, "--num-heads", "4", "--images", "7",
                                        "--batch", "4", "--steps", "3", "--device", "cpu", "--out", run});
  require_done(outcome);
  CHECK_THAT(outcome.err, Contains("4 channels are latents"));
  CHECK(test::images_of(run).size() == 7 + 2);
  const auto latents = checkpoint::read_safetensors(run / "latents.safetensors");
  CHECK(latents.tensors.at("latent").shape == std::vector<std::int64_t>{7, 4, 8, 8});
  const std::string third = read_file(run / "latents" / "000002.npy");
  const auto values = latents.tensors.at("latent").bytes.subspan(2 * 1024, 1024);
  CHECK(third.substr(128) == std::string(reinterpret_cast<const char*>(values.data()), values.size()));
  require_done(test::run_dydit({"study", "loss-gap", "--model", "a=" + checkpoint, "--num-heads", "4", "--data",
                                run / "latents.safetensors", "--at", "500", "--images", "7", "--device", "cpu", "--out",
                                folder.path() / "study"}));
}

TEST_CASE("a dynamic model is sampled by the compact engine, and a model of flow matching by heun") {
  const test::TemporaryFolder folder;
  const auto setting = [&](const char* name, const Arguments& more) {
    const auto run = folder.path() / name;
    require_done(test::run_dydit(
        with({"sample", "--num-heads", "4", "--images", "2", "--steps", "3", "--device", "cpu", "--out", run}, more)));
    return nlohmann::json::parse(read_file(run / "manifest.json")).at("identity");
  };
  const test::DynamicWeights weights;
  const std::string dynamic = weights.file(), dense = test::tiny_weights();
  CHECK(setting("dynamic", {"--checkpoint", dynamic})["engine"] == "compact");
  CHECK(setting("masked", {"--checkpoint", dynamic, "--engine", "masked"})["engine"] == "masked");
  const auto flow = setting("flow", {"--checkpoint", dense, "--process", "flow"});
  CHECK(flow["engine"] == "dense");
  CHECK(flow["sampling"]["sampler"] == "heun");
}

TEST_CASE("runs are numbered, and their figures are one JSON text") {
  const test::TemporaryFolder folder;
  const auto command = with(test::sampling(folder.path()), {"--images", "2", "--json", "--steps"});
  for (const auto& [steps, path, made] : std::vector<std::tuple<const char*, std::string, int>>{
           {"2", "runs/sample-1", 2}, {"3", "runs/sample-2", 2}, {"2", "runs/sample-1", 0}}) {
    const auto outcome = test::run_dydit(with(command, {steps}), folder.path());
    require_done(outcome);
    CHECK_THAT(outcome.err, Catch::Matchers::StartsWith(path + "\n"));
    const auto json = nlohmann::json::parse(outcome.out);
    CHECK(json["out"] == path);
    CHECK(json["images"] == 2);
    CHECK(json["made"] == made);
    if (made > 0)
      CHECK(json["images_per_second"].get<double>() == Approx(2 / json["seconds"].get<double>()));
    else
      CHECK(json["images_per_second"].is_null());
  }
}

TEST_CASE("what cannot be sampled is told in one line, and leaves nothing") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run", strange = folder.path() / "strange";
  const auto base = with(test::sampling(folder.path()), {"--steps", "2"}), command = with(base, {"--out", run});
  for (const char* label : {"10", "3,-1"})
    check_refused(test::run_dydit(with(command, {std::string("--classes=") + label})), 2, "the model has 0 to 9");
  check_refused(test::run_dydit(with(command, {"--classes", "1,b"})), 2, "'b' is not a class");
  check_refused(test::run_dydit(with(command, {"--classes", "3,,4"})), 2, "'' is not a class");
  check_refused(test::run_dydit(with(command, {"--classes="})), 2, "--classes");
  check_refused(test::run_dydit(with(command, {"--cfg-scale", "4", "--cfg-from", "800", "--cfg-to", "200"})), 2,
                "guidance acts at none");
  check_refused(test::run_dydit(with(command, {"--cfg-scale", "4", "--cfg-from", "1", "--cfg-to", "2"})), 2,
                "guidance acts at none");
  check_refused(test::run_dydit(with(command, {"--cfg-from", "200"})), 2, "an interval of no guidance");
  check_refused(test::run_dydit(with(command, {"--images", "0"})), 2, "--images 0");
  check_refused(test::run_dydit(with(command, {"--sampler", "rk4"})), 2, "rk4");
  check_refused(test::run_dydit(with(command, {"--engine", "compact"})), 2, "no routers");
  CHECK(!fs::exists(run));
  fs::create_directory(strange);
  write_atomically(strange / "images", "of a holiday");
  check_refused(test::run_dydit(with(base, {"--out", strange})), 2, "something else than a run");
  CHECK(test::files_in(strange).size() == 1);
}

TEST_CASE("an image that is not finite ends the run, and nothing of its batch is written") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run", broken = folder.path() / "broken.safetensors";
  auto command = test::sampling(folder.path());
  const auto trained = checkpoint::read_safetensors(command[2]);
  auto tensors = trained.tensors;
  for (auto& [name, tensor] : tensors) {
    if (name.find("y_embedder.embedding_table.weight") == std::string::npos) continue;
    const auto values = tensor.as<float>();
    std::vector<float> changed(values.begin(), values.end());
    std::fill_n(changed.begin() + 3 * 16, 16, 1e37F);
    tensor = checkpoint::Tensor::of<float>(changed, tensor.shape);
  }
  checkpoint::write_safetensors(broken, tensors, trained.metadata);
  command[2] = broken;
  const auto outcome = test::run_dydit(
      with(command, {"--images", "6", "--classes", "1,1,1,3", "--batch", "2", "--steps", "4", "--out", run}));
  check_refused(outcome, 4, "a sample is not finite: image 3 at time 999");
  CHECK(test::images_of(run).size() == 2);  // those of the first batch
  CHECK(fs::exists(run / "images" / "000001.png"));
}
