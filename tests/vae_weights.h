// SPDX-License-Identifier: Apache-2.0
// A small autoencoder with weights by formula.
#pragma once

#include <filesystem>

#include "quality/vae.h"

namespace dydit::test {

/// That of "vae_small": images of twice the latents' side, four channels, groups of eight.
quality::VaeConfiguration small_vae_configuration();
quality::Vae small_vae(std::int64_t tile = 512);

/// A folder as diffusers writes it, config.json and diffusion_pytorch_model.safetensors. Written once, and removed at
/// the end of the program.
std::filesystem::path small_vae_folder();

}  // namespace dydit::test
