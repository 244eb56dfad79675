// SPDX-License-Identifier: Apache-2.0
// dydit probe features: what a judge sees in images.
#include "probe.h"
#include "quality/network.h"

namespace dydit::cli {

namespace {

void features(const Probe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const torch::Tensor images = read("image", 4, torch::kFloat32);
  const auto network = quality::load_network(p.checkpoint.path, settings.device);
  const quality::Features of = (*network)(images);
  std::map<std::string, torch::Tensor> results{{"features", of.pooled}};
  if (of.spatial.defined()) results["spatial"] = of.spatial;
  if (of.logits.defined()) results["logits"] = of.logits;
  write_results(p.output, results);
}

}  // namespace

void add_probe_features(CLI::App& parent, const study::Catalog& catalog) {
  auto f = std::make_shared<Probe>();
  CLI::App* command = add_one(parent, *f, "features", "image -> features, spatial, logits",
                              "dydit probe features --input in.safetensors --output out.safetensors --checkpoint "
                              "pt_inception-2015-12-05-6726825d.pth");
  command
      ->add_option(
          "--checkpoint", f->checkpoint.path,
          "inception network of Frechet distances (a state dict), a classifier of ours, or a TorchScript module")
      ->required();
  command->callback([f, &catalog] { features(*f, catalog); });
}

}  // namespace dydit::cli
