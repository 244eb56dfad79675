// SPDX-License-Identifier: Apache-2.0
// Study of the redundancy over positions (DyDiT, figure 1b): the prediction error of a model at each
// position of an image, averaged over several noise draws.
#pragma once

#include "study/study.h"

namespace dydit::study {

/// For each model and chunk of images one record "loss-map" with tensors `index` and `label` (N), `timestep`
/// (K), `image` (N,C,H,W) and `map` (N,K,H,W): the squared epsilon error, mean over channels and `draws`
/// draws.
void loss_map(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
              const Setting& setting, std::int64_t draws, record::RunDirectory* run);

}  // namespace dydit::study
