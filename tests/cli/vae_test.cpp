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
