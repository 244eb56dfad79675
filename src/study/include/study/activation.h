// SPDX-License-Identifier: Apache-2.0
// Study of what a dynamic model has on over the timesteps (DyDiT, arXiv 2410.03456): heads, channel groups
// and tokens of every block.
#pragma once

#include "study/study.h"

namespace dydit::study {

/// For each model, which is dynamic, and chunk of images one record "activation" with tensors `index` (N),
/// `timestep` (K), `heads` and `channels` (K,depth,H) 0 or 1, which depend on the timestep alone, `tokens`
/// (N,K,depth), the share of an image's tokens that a block's MLP works on, and `kept` (N,K), the share of
/// the blocks' MACs (see cost::lambda_realised).
void activation(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
                const Setting& setting, record::RunDirectory* run);

}  // namespace dydit::study
