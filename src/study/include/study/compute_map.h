// SPDX-License-Identifier: Apache-2.0
// Study of where in an image a dynamic model computes (DyDiT, arXiv 2410.03456), beside where its loss is.
#pragma once

#include "study/study.h"

namespace dydit::study {

/// For each model, which is dynamic, and chunk of images one record "compute-map" with tensors `index` and
/// `label` (N), `timestep` (K), `image` (N,C,H,W), and at each position of a token, over the grid of g x g
/// tokens, means over `draws` draws: `compute` (N,K,g,g), the share of the blocks whose MLP works on it, and
/// `loss` (N,K,g,g), the squared epsilon error of its patch.
void compute_map(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
                 const Setting& setting, std::int64_t draws, record::RunDirectory* run);

}  // namespace dydit::study
