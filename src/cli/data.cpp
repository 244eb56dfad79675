// SPDX-License-Identifier: Apache-2.0
// dydit data: what is made of data before a training.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "features.h"
#include "quality/encode.h"

namespace dydit::cli {

namespace {

struct Encode {
  std::string data, vae, out;
  std::int64_t image_size = 256;
  quality::Encoding encoding;
  Machine machine;
};

void encode(const Encode& e, const study::Catalog& catalog) {
  if (!e.out.ends_with(".safetensors"))
    throw UsageError("latents are written as .safetensors", "--out " + e.out, "give a name that ends so");
  const run::RunSettings settings = e.machine.settings(catalog);
  torch::InferenceMode inference;
  quality::Encoding encoding = e.encoding;
  encoding.threads = settings.threads;
  encoding.seed = e.machine.seed.value_or(0);
  encoding.quiet = settings.quiet;
  const std::shared_ptr images = data::open_dataset(e.data, {.size = e.image_size}, encoding.seed);
  if (!settings.quiet)
    for (const std::string& note : images->notes()) fmt::print(stderr, "dydit: {}\n", note);
  const quality::Vae vae = quality::load_vae(e.vae, settings.device, settings.dtype);
  quality::encode_dataset(images, vae, e.out, encoding);
  std::cout << e.out << std::endl;
}

struct Features {
  std::string images, out;
  FeatureOptions options;
  Machine machine;
};

void features(const Features& f, const study::Catalog& catalog) {
  if (!f.out.ends_with(".safetensors"))
    throw UsageError("features are written as .safetensors", "--out " + f.out, "give a name that ends so");
  const run::RunSettings settings = f.machine.settings(catalog);
  quality::write_set(
      f.out, FeaturesOf(f.options, settings)(f.images, /*moments=*/false, /*spatial=*/true, /*logits=*/true).set);
  std::cout << f.out << std::endl;
}

void add_features(CLI::App& parent, const study::Catalog& catalog) {
  auto f = std::make_shared<Features>();
  CLI::App* command = parent.add_subcommand("features", "Images to a file of features, which dydit quality takes");
  command->footer(
      "Example: dydit data features cifar10-test.zip --features classifier.safetensors --out test.safetensors");
  command->add_option("images", f->images, "a folder, .zip or .npz (arr_0) of images")->required();
  command->add_option("--out", f->out, "file to write, .safetensors")->required();
  f->options.add_to(*command);
  f->machine.add_to(*command);
  command->callback([f, &catalog] { features(*f, catalog); });
}

}  // namespace

void add_data(CLI::App& app, const study::Catalog& catalog) {
  CLI::App* parent = app.add_subcommand("data", "What is made of data before a training, or to be judged");
  parent->require_subcommand(1);
  add_features(*parent, catalog);
  auto e = std::make_shared<Encode>();
  CLI::App* command = parent->add_subcommand("encode", "Images to a file of latents, which --data takes");
  command->footer(
      "Example: dydit data encode imagenet.zip --vae sd-vae-ft-ema --out latents.safetensors --device cuda");
  command->add_option("data", e->data, "images: a folder or zip of class folders, or synthetic:N")->required();
  command->add_option("--vae", e->vae, "autoencoder of diffusers: .safetensors, or its folder")->required();
  command->add_option("--out", e->out, "file to write, .safetensors")->required();
  add_number(*command, "--image-size", run::bounds::size, into(e->image_size), "side to which images are cropped")
      ->default_str(std::to_string(e->image_size));
  add_number(*command, "--batch", Bounds<std::int64_t>{1, 1'000'000}, into(e->encoding.batch),
             "images that are read at once")
      ->default_str(std::to_string(e->encoding.batch));
  command->add_flag("--sample", e->encoding.sample,
                    "a draw of each latent, a function of seed and image (default: its mean)");
  command->add_flag("--flip", e->encoding.mirrored, "the latents of the mirrored images too, behind the others");
  e->machine.add_to(*command);
  command->callback([e, &catalog] { encode(*e, catalog); });
}

}  // namespace dydit::cli
