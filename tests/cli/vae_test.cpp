// SPDX-License-Identifier: Apache-2.0
// What the program does with an autoencoder: dydit probe vae, dydit sample --vae, dydit data encode.
#include <torch/torch.h>

#include "base/file.h"
#include "catch.h"
#include "data/dataset.h"
#include "data/png.h"
#include "diffusion/draws.h"
#include "golden.h"
#include "golden_weights.h"
#include "probe.h"
#include "tiny_runs.h"
#include "vae_weights.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::Arguments;
using test::Golden;
using test::rel_l2;
using test::small_vae_folder;

TEST_CASE("probe vae writes the official posterior and image") {
  const Golden golden("vae_small");
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const std::string weights = small_vae_folder() / "diffusion_pytorch_model.safetensors";
  for (const std::string& checkpoint : {small_vae_folder().string(), weights}) {
    const auto encoded = test::run_probe("vae", {{"image", golden["image"]}}, {"--encode", "--checkpoint", checkpoint});
    INFO(encoded.outcome.err);
    REQUIRE(encoded.written.size() == 2);
    CHECK(rel_l2(encoded.written.at("mean"), golden["mean"]) <= tolerance);
    CHECK(rel_l2(encoded.written.at("logvar"), golden["logvar"]) <= tolerance);
    const auto decoded =
        test::run_probe("vae", {{"latent", golden["latent"]}}, {"--decode", "--checkpoint", checkpoint});
    INFO(decoded.outcome.err);
    REQUIRE(decoded.written.size() == 1);
    CHECK(rel_l2(decoded.written.at("image"), golden["decode"]) <= tolerance);
  }
}

TEST_CASE("probe vae refuses in one line what does not fit") {
  const Golden golden("vae_small");
  const auto refused = [&](const test::Named& inputs, const Arguments& arguments, int code, const std::string& named) {
    const auto outcome = test::run_probe("vae", inputs, arguments).outcome;
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(named));
  };
  const std::string vae = small_vae_folder();
  const test::Named image{{"image", golden["image"]}};
  refused(image, {"--checkpoint", vae}, 2, "--decode");
  refused(image, {"--encode", "--decode", "--checkpoint", vae}, 2, "--decode");
  refused(image, {"--decode", "--checkpoint", vae}, 3, "latent");
  refused(image, {"--encode", "--checkpoint", vae + "/none"}, 3, "none");
  refused(image, {"--encode", "--checkpoint", test::golden_folder / "dit_s2.safetensors"}, 3, "not an autoencoder");
  refused({{"image", golden["latent"]}}, {"--encode", "--checkpoint", vae}, 3, "multiples of 2");
  refused({{"latent", golden["image"]}}, {"--decode", "--checkpoint", vae}, 3, "(N, 4, h, w)");
}

TEST_CASE("sample --vae makes pictures of latents: those that the probe decodes") {
  const test::TemporaryFolder folder;
  const Arguments sampling{"sample",
                           "--checkpoint",
                           test::tiny_weights(),
                           "--num-heads",
                           "4",
                           "--images",
                           "5",
                           "--batch",
                           "3",
                           "--steps",
                           "3",
                           "--device",
                           "cpu"};
  const auto run = [&](const char* name, const Arguments& more) {
    Arguments arguments = sampling;
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--out", folder.path() / name});
    return test::run_dydit(arguments);
  };
  const std::string vae = small_vae_folder();
  const auto latents = run("latents", {}), pictures = run("pictures", {"--vae", vae});
  INFO(latents.err << pictures.err);
  REQUIRE(latents.code == 0);
  REQUIRE(pictures.code == 0);
  CHECK_THAT(latents.err, Contains("--vae makes pictures"));
  CHECK(pictures.err.find("latents") == std::string::npos);
  CHECK(test::images_of(folder.path() / "pictures").size() == 5 + 3);

  const auto file = checkpoint::read_safetensors(folder.path() / "latents" / "latents.safetensors");
  const torch::Tensor states = model::to_torch(file.tensors.at("latent")) / 0.18215;
  const auto probed = test::run_probe("vae", {{"latent", states}}, {"--decode", "--checkpoint", vae});
  REQUIRE(probed.outcome.code == 0);
  const torch::Tensor levels =
      (127.5 * probed.written.at("image").clamp(-1, 1) + 128).clamp(0, 255).floor().permute({0, 2, 3, 1});
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::string name = "images/00000" + std::to_string(i) + ".png";
    const std::string bytes = read_file(folder.path() / "pictures" / name);
    const data::Image image = data::decode_png(std::as_bytes(std::span(bytes)), name);
    REQUIRE((image.width == 16 && image.height == 16));
    const torch::Tensor pixels = torch::tensor(std::vector<float>(image.pixels.begin(), image.pixels.end()));
    CHECK((pixels - levels[i].flatten()).abs().max().item<double>() <= 1);
  }
  const auto other = run("pictures", {});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("vae"));
}

TEST_CASE("sample --vae refuses an autoencoder that does not fit the model") {
  const test::TemporaryFolder folder;
  auto command = test::sampling(folder.path());
  for (const auto& [vae, code, named] :
       {std::tuple{small_vae_folder().string(), 2, "those of the model 3"}, {"none", 3, "none"}}) {
    Arguments arguments = command;
    arguments.insert(arguments.end(), {"--vae", vae, "--out", folder.path() / "run"});
    const auto outcome = test::run_dydit(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(named));
    CHECK(!std::filesystem::exists(folder.path() / "run"));
  }
}

namespace {

// What `dydit data encode` makes of images of 16x16.
std::unique_ptr<data::Dataset> encoded(const std::filesystem::path& file, const Arguments& more,
                                       const std::string& images = "synthetic:7") {
  Arguments arguments{"data",     "encode", images,         "--vae", small_vae_folder(), "--out", file,
                      "--device", "cpu",    "--image-size", "16"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto outcome = test::run_dydit(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.out == file.string() + "\n");
  return data::open_dataset(file, {});
}

torch::Tensor sample_of(const data::Dataset& set, std::int64_t index, bool flip = false) {
  const data::Shape shape = set.shape();
  torch::Tensor out = torch::empty({shape.channels, shape.height, shape.width});
  set.read(index, flip, {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

}  // namespace

TEST_CASE("data encode: latents of images, scaled, with their labels, as a data set") {
  const test::TemporaryFolder folder;
  const auto latents = encoded(folder.path() / "a.safetensors", {"--batch", "3", "--flip"});
  const auto images = data::open_dataset("synthetic:7", {.size = 16});
  auto vae = test::small_vae();
  REQUIRE(latents->size() == 14);
  CHECK(latents->classes() == 10);
  CHECK((latents->shape() == data::Shape{4, 8, 8}));
  for (std::int64_t i = 0; i < 14; ++i) {
    CHECK(latents->label(i) == images->label(i % 7));
    const torch::Tensor mean = vae->encode(sample_of(*images, i % 7, i >= 7).unsqueeze(0)).mean.squeeze(0);
    CHECK(rel_l2(sample_of(*latents, i), 0.18215 * mean) < 1e-5);
  }
}

TEST_CASE("data encode --sample: a draw of each latent by seed and image, whatever the batch") {
  const test::TemporaryFolder folder;
  const auto one = encoded(folder.path() / "a.safetensors", {"--sample", "--seed", "3"}),
             batches = encoded(folder.path() / "b.safetensors", {"--sample", "--seed", "3", "--batch", "2"}),
             other = encoded(folder.path() / "c.safetensors", {"--sample", "--seed", "4"});
  const auto images = data::open_dataset("synthetic:7", {.size = 16}, 3);
  auto vae = test::small_vae();
  CHECK(rel_l2(sample_of(*other, 0), sample_of(*one, 0)) > 0.1);
  for (std::int64_t i = 0; i < 7; ++i) {
    CHECK(rel_l2(sample_of(*batches, i), sample_of(*one, i)) < 1e-5);
    const auto posterior = vae->encode(sample_of(*images, i).unsqueeze(0));
    const std::vector<std::int64_t> image{i}, draw{0};
    const torch::Tensor noise = diffusion::normal_rows(3, Purpose::latent, image, draw, {4, 8, 8});
    const torch::Tensor drawn = posterior.mean + (0.5 * posterior.logvar).exp() * noise;
    CHECK(rel_l2(sample_of(*one, i), 0.18215 * drawn.squeeze(0)) < 1e-5);
  }
}

TEST_CASE("data encode refuses in one line what it cannot encode, and leaves nothing") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "out";
  std::filesystem::create_directory(place);
  const auto refused = [&](const std::string& images, const Arguments& more, int code, const std::string& named) {
    Arguments arguments{"data", "encode", images, "--device", "cpu", "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto outcome = test::run_dydit(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(named));
    CHECK(std::filesystem::is_empty(place));
  };
  const std::string vae = small_vae_folder(), file = place / "latents.safetensors";
  refused("synthetic:3", {"--out", file}, 2, "--vae");
  refused("synthetic:3", {"--vae", vae, "--out", place / "latents.pt"}, 2, ".safetensors");
  refused("synthetic:3", {"--vae", vae, "--out", file, "--image-size", "15"}, 2, "multiple of 2");
  refused("synthetic:3", {"--vae", vae, "--out", file, "--batch", "0"}, 2, "--batch 0");
  refused("synthetic:3", {"--vae", folder.path(), "--out", file}, 3, "config.json");
  refused("gone.zip", {"--vae", vae, "--out", file}, 3, "gone.zip");
  encoded(folder.path() / "latents.safetensors", {});
  refused(folder.path() / "latents.safetensors", {"--vae", vae, "--out", file}, 2, "no images");
  const auto images = folder.path() / "images" / "class0";
  std::filesystem::create_directories(images);
  write_atomically(images / "a.png", "no picture");
  refused(images.parent_path(), {"--vae", vae, "--out", file, "--image-size", "16"}, 3, "a.png");
}
