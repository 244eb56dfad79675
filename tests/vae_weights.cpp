// SPDX-License-Identifier: Apache-2.0
#include "vae_weights.h"

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "golden_weights.h"
#include "model/tensors.h"
#include "temporary_folder.h"

namespace dydit::test {

quality::VaeConfiguration small_vae_configuration() { return {.widths = {32, 64}, .groups = 8}; }

quality::Vae small_vae(std::int64_t tile) {
  auto configuration = small_vae_configuration();
  configuration.tile = tile;
  quality::Vae vae(configuration);
  fill_vae(*vae);
  return vae;
}

std::filesystem::path small_vae_folder() {
  static const TemporaryFolder folder;
  const auto weights = folder.path() / "diffusion_pytorch_model.safetensors";
  if (!std::filesystem::exists(weights)) {
    checkpoint::write_safetensors(weights, model::parameters_of(*small_vae()));
    write_atomically(folder.path() / "config.json",
                     R"({"_class_name": "AutoencoderKL", "norm_num_groups": 8, "scaling_factor": 0.18215})");
  }
  return folder.path();
}

}  // namespace dydit::test
