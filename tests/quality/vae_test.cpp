// SPDX-License-Identifier: Apache-2.0
// The autoencoder against the official one, tiles against the whole, and files that are refused.
#include "quality/vae.h"

#include <torch/torch.h>

#include <numbers>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "golden.h"
#include "golden_weights.h"
#include "model/tensors.h"
#include "temporary_folder.h"
#include "vae_layers.h"
#include "vae_weights.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::Golden;
using test::rel_l2;
using test::small_vae;
using torch::Tensor;
namespace fs = std::filesystem;

namespace {

// Waves of 16 pixels in [-1,1], so that all tiles of a multiple of that hold much the same.
Tensor smooth_image(std::int64_t height, std::int64_t width) {
  constexpr double step = 2 * std::numbers::pi / 16;
  const Tensor y = torch::arange(height).view({1, 1, -1, 1}) * step,
               x = torch::arange(width).view({1, 1, 1, -1}) * step, phase = torch::arange(3).view({1, -1, 1, 1});
  return 0.5 * torch::sin(y + phase) + 0.5 * torch::cos(x - phase);
}

// A file of the small autoencoder's tensors as `change` leaves them, with its config.json beside it.
fs::path written(const fs::path& folder, const std::function<void(checkpoint::Tensors&)>& change,
                 const std::string& config = R"({"norm_num_groups": 8})") {
  auto tensors = model::parameters_of(*small_vae());
  change(tensors);
  checkpoint::write_safetensors(folder / "vae.safetensors", tensors);
  write_atomically(folder / "config.json", config);
  return folder / "vae.safetensors";
}

}  // namespace

TEST_CASE("the autoencoder gives the official numbers: posterior, decoded latent, reconstruction, and between") {
  const Golden golden("vae_small");
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const auto vae = quality::load_vae(test::small_vae_folder());
  test::check_weights(*vae, golden.entry.at("config").at("weight_check"));
  std::int64_t parameters = 0;
  for (const Tensor& parameter : vae->parameters()) parameters += parameter.numel();
  CHECK(parameters == golden.entry.at("config").at("param_count"));
  CHECK(vae->configuration.scaling_factor == golden.entry.at("config").at("scaling_factor"));
  const auto check = [&](const Tensor& actual, const char* name) {
    INFO(name);
    CHECK(rel_l2(actual, golden[name]) <= tolerance);
  };
  const auto posterior = vae->encode(golden["image"]);
  check(posterior.mean, "mean");
  check(posterior.logvar, "logvar");
  check(vae->decode(golden["latent"]), "decode");
  check(vae->decode(posterior.mean), "reconstruction");

  const torch::NoGradGuard no_grad;
  Tensor x = vae->encoder->conv_in(golden["image"]);
  check(x, "tap.encoder.conv_in");
  for (std::size_t i = 0; i < 2; ++i) {
    x = vae->encoder->down_blocks->ptr<quality::ResampledImpl>(i)->forward(x);
    if (i == 0) check(x, "tap.encoder.down0");
  }
  check(vae->encoder->mid_block(x), "tap.encoder.mid_block");
  x = vae->decoder->mid_block(vae->decoder->conv_in(vae->post_quant_conv->forward(golden["mean"])));
  check(x, "tap.decoder.mid_block");
  for (std::size_t i = 0; i < 2; ++i) {
    x = vae->decoder->up_blocks->ptr<quality::ResampledImpl>(i)->forward(x);
    check(x, i == 0 ? "tap.decoder.up0" : "tap.decoder.up_last");
  }
}

TEST_CASE("log variances are cut off to [-30, 20]") {
  auto vae = small_vae();
  const torch::NoGradGuard no_grad;
  vae->quant_conv->bias.copy_(torch::tensor({0., 0., 0., 0., 1e3, -1e3, 0., 0.}));
  const Tensor logvar = vae->encode(smooth_image(8, 8)).logvar;
  CHECK((logvar.select(1, 0) == 20).all().item<bool>());
  CHECK((logvar.select(1, 1) == -30).all().item<bool>());
}

TEST_CASE("an image of one tile is not tiled, and larger ones differ little from the whole where tiles are blended") {
  auto whole = small_vae(), tiled = small_vae(/*tile=*/128);
  const auto same = [](const Tensor& a, const Tensor& b) { return torch::equal(a, b); };
  const Tensor one = smooth_image(128, 96);
  CHECK(same(whole->encode(one).mean, tiled->encode(one).mean));
  const Tensor latent = whole->encode(one).mean;
  CHECK(same(whole->decode(latent), tiled->decode(latent)));

  const Tensor large = smooth_image(224, 160).repeat({2, 1, 1, 1});
  const auto posterior = whole->encode(large), in_tiles = tiled->encode(large);
  REQUIRE(in_tiles.mean.sizes() == posterior.mean.sizes());
  CHECK_FALSE(same(in_tiles.mean, posterior.mean));
  CHECK(rel_l2(in_tiles.mean, posterior.mean) < 0.2);
  CHECK(rel_l2(in_tiles.logvar, posterior.logvar) < 0.2);
  const Tensor image = whole->decode(posterior.mean), blended = tiled->decode(posterior.mean);
  REQUIRE(blended.sizes() == large.sizes());
  CHECK_FALSE(same(blended, image));
  CHECK(rel_l2(blended, image) < 0.2);
}

TEST_CASE("tiles are blended as diffusers blends them: four passes, put together by hand") {
  auto vae = small_vae(/*tile=*/32);
  const Tensor latent = torch::sin(torch::arange(4 * 20 * 20) * 0.37).view({1, 4, 20, 20});
  const auto tile = [&](std::int64_t y, std::int64_t x) {
    return vae->decode(
        latent.narrow(2, y, std::min<std::int64_t>(16, 20 - y)).narrow(3, x, std::min<std::int64_t>(16, 20 - x)));
  };
  const Tensor a = tile(0, 0), b = tile(0, 12), c = tile(12, 0), d = tile(12, 12), made = vae->decode(latent);
  const double tolerance = 1e-5;
  REQUIRE(made.sizes() == at::IntArrayRef({1, 3, 40, 40}));
  const auto near = [&](const Tensor& x, const Tensor& y) { return (x - y).abs().max().item<double>() < tolerance; };
  CHECK(near(made.narrow(2, 0, 24).narrow(3, 0, 24), a.narrow(2, 0, 24).narrow(3, 0, 24)));
  // Over 8 pixels, the first of which is still the tile's before.
  for (const std::int64_t i : {0, 3, 7}) {
    const double share = static_cast<double>(i) / 8;
    CHECK(near(made.narrow(2, 0, 24).select(3, 24 + i),
               (1 - share) * a.narrow(2, 0, 24).select(3, 24 + i) + share * b.narrow(2, 0, 24).select(3, i)));
    CHECK(near(made.narrow(3, 0, 24).select(2, 24 + i),
               (1 - share) * a.narrow(3, 0, 24).select(2, 24 + i) + share * c.narrow(3, 0, 24).select(2, i)));
  }
  CHECK(near(made.narrow(2, 32, 8).narrow(3, 32, 8), d.narrow(2, 8, 8).narrow(3, 8, 8)));
}

TEST_CASE("a batch of many images is computed in parts to the same numbers") {
  auto vae = small_vae(/*tile=*/512);
  const Tensor images = torch::cat({smooth_image(256, 256), -smooth_image(256, 256), smooth_image(256, 256).flip(2),
                                    smooth_image(256, 256).flip(3), smooth_image(256, 256).sin()});
  const Tensor means = vae->encode(images).mean;
  CHECK(rel_l2(means.narrow(0, 4, 1), vae->encode(images.narrow(0, 4, 1)).mean) < 1e-6);
}

TEST_CASE("files: the older names of the attention, a pipeline's folder, groups and factor beside the weights") {
  const Golden golden("vae_small");
  const Tensor expected = small_vae()->decode(golden["latent"]);
  const test::TemporaryFolder folder;
  const auto older = written(
      folder.path(),
      [](checkpoint::Tensors& tensors) {
        for (const std::string half : {"encoder", "decoder"})
          for (const auto& [now, before] :
               {std::pair{"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}})
            for (const char* part : {".weight", ".bias"}) {
              auto found = tensors.extract(half + ".mid_block.attentions.0." + now + part);
              found.key() = half + ".mid_block.attentions.0." + before + part;
              auto& shape = found.mapped().shape;
              if (shape.size() == 2) shape.insert(shape.end(), {1, 1});
              tensors.insert(std::move(found));
            }
      },
      R"({"norm_num_groups": 8, "scaling_factor": 0.25})");
  const auto vae = quality::load_vae(older);
  CHECK(torch::equal(vae->decode(golden["latent"]), expected));
  CHECK(vae->configuration.scaling_factor == 0.25);
  fs::create_directories(folder.path() / "pipeline");
  fs::copy(test::small_vae_folder(), folder.path() / "pipeline" / "vae");
  CHECK(torch::equal(quality::load_vae(folder.path() / "pipeline")->decode(golden["latent"]), expected));
}

TEST_CASE("weights that are no such autoencoder's are refused") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::function<void(checkpoint::Tensors&)>& change, const std::string& reason,
                           const std::string& config = R"({"norm_num_groups": 8})") {
    CHECK_THROWS_WITH(quality::load_vae(written(folder.path(), change, config)), Contains(reason));
  };
  const auto tensor = [](std::vector<std::int64_t> shape, double value) {
    return model::from_torch(torch::full(shape, value, torch::kFloat32));
  };
  refused([](auto& tensors) { tensors.erase("quant_conv.bias"); }, "missing: quant_conv.bias");
  refused([](auto& tensors) { tensors.erase("post_quant_conv.weight"); }, "post_quant_conv.weight");
  refused([](auto& tensors) { tensors.erase("encoder.down_blocks.0.resnets.0.conv1.weight"); }, "conv1.weight");
  refused([&](auto& tensors) { tensors["decoder.more"] = tensor({1}, 0); }, "unexpected: decoder.more");
  refused([&](auto& tensors) { tensors["decoder.conv_out.bias"] = tensor({4}, 0); }, "decoder.conv_out.bias is (4)");
  refused([&](auto& tensors) { tensors["decoder.conv_out.bias"] = tensor({3}, NAN); }, "NaN or infinity");
  refused([&](auto& tensors) { tensors["post_quant_conv.weight"] = tensor({100'000, 1, 1, 1}, 0); }, "far more");
  const auto as_it_is = [](auto&) {};
  refused(as_it_is, "32 channels in 24 groups", R"({"norm_num_groups": 24})");
  refused(as_it_is, "norm_num_groups", R"({"norm_num_groups": 0})");
  refused(as_it_is, "scaling_factor", R"({"norm_num_groups": 8, "scaling_factor": -1})");
  refused(as_it_is, "_class_name", R"({"_class_name": "UNet2DModel"})");
  refused(as_it_is, "shift_factor", R"({"norm_num_groups": 8, "shift_factor": 0.1})");
  refused(as_it_is, "JSON", "[");
  CHECK_THROWS_AS(quality::load_vae(folder.path() / "none"), InputError);
  auto large = [&](auto& tensors) { tensors["decoder.conv_out.bias"] = tensor({3}, 1e6); };
  CHECK_THROWS_WITH(quality::load_vae(written(folder.path(), large), torch::kCPU, torch::kFloat16),
                    Contains("not finite as float16"));
}

TEST_CASE("images and latents that do not fit, and results that are not finite, are refused") {
  auto vae = small_vae();
  CHECK_THROWS_AS(vae->encode(torch::zeros({1, 3, 9, 8})), InputError);
  CHECK_THROWS_AS(vae->encode(torch::zeros({1, 4, 8, 8})), InputError);
  CHECK_THROWS_AS(vae->decode(torch::zeros({1, 3, 8, 8})), InputError);
  CHECK_THROWS_AS(vae->decode(torch::full({1, 4, 8, 8}, NAN)), NotFinite);
  CHECK_THROWS_AS(small_vae(/*tile=*/12), InputError);
}

TEST_CASE("in bfloat16 the numbers are near those of float32") {
  const Golden golden("vae_small");
  const auto vae = quality::load_vae(test::small_vae_folder(), torch::kCPU, torch::kBFloat16);
  const Tensor made = vae->decode(golden["latent"]);
  CHECK(made.scalar_type() == torch::kFloat32);
  CHECK(rel_l2(made, golden["decode"]) < 0.05);
}
