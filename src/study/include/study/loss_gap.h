// SPDX-License-Identifier: Apache-2.0
// Study of the redundancy over timesteps (DyDiT, figure 1a): the loss of models of different size on the
// same image, noise and timestep. True labels, no dropout. Records per image; gaps are analysis.
#pragma once

#include "study/study.h"

namespace dydit::study {

/// For each model and chunk of images one record "loss-gap" with tensors `index` (N), `timestep` (K),
/// `mse` and `vb` (N,K): the mean over (C,H,W) of the squared epsilon error, and the variational term.
void loss_gap(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
              const Setting& setting, record::RunDirectory* run);

}  // namespace dydit::study
