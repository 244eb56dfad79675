// SPDX-License-Identifier: Apache-2.0
// dydit probe vae: images to latents, or latents to images.
#include "probe.h"
#include "quality/vae.h"

namespace dydit::cli {

namespace {

struct VaeProbe : Probe {
  bool encode = false, decode = false;  // one of them
};

void through_vae(const VaeProbe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const quality::Vae vae = quality::load_vae(p.checkpoint.path, settings.device, settings.dtype);
  const torch::Tensor x = read(p.encode ? "image" : "latent", 4, torch::kFloat32);
  if (p.encode) {
    const auto posterior = vae->encode(x);
    write_results(p.output, {{"mean", posterior.mean}, {"logvar", posterior.logvar}});
  } else {
    write_results(p.output, {{"image", vae->decode(x)}});
  }
}

}  // namespace

void add_probe_vae(CLI::App& parent, const study::Catalog& catalog) {
  auto v = std::make_shared<VaeProbe>();
  CLI::App* command = add_one(parent, *v, "vae", "image -> mean, logvar of its latents, or latent -> image",
                              "dydit probe vae --decode --input in.safetensors --output out.safetensors --checkpoint "
                              "sd-vae-ft-ema");
  command->add_option("--checkpoint", v->checkpoint.path, "autoencoder of diffusers: .safetensors, or its folder")
      ->required();
  CLI::Option_group* way = command->add_option_group("direction");
  way->add_flag("--encode", v->encode, "image (N,3,H,W) in [-1,1] -> mean, logvar (N,C,h,w)");
  way->add_flag("--decode", v->decode,
                "latent (N,C,h,w), not divided by the scaling factor -> image (N,3,H,W), not cut off");
  way->require_option(1);
  command->callback([v, &catalog] { through_vae(*v, catalog); });
}

}  // namespace dydit::cli
