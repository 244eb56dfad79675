// SPDX-License-Identifier: Apache-2.0
// The DiT of diffusers (DiTTransformer2DModel, and Transformer2DModel before it) under the official names.
#pragma once

#include "checkpoint/checkpoint.h"

namespace dydit::dit {

/// `opened` from a folder of diffusers -> official names, with the configuration of config.json in the metadata.
/// q, k and v become one, and the position embedding, which diffusers does not store, is computed. Every block
/// there has its own copy of the embedders: the copies must hold the same bits. The model is then run by the
/// official formulas, from which diffusers departs a little (frequencies of the timestep, epsilon of a norm).
/// Throws InputError when config.json is of another model or the tensors are not those that it describes;
/// `where` names the folder.
checkpoint::Checkpoint from_diffusers(checkpoint::Checkpoint opened, const std::string& where);

}  // namespace dydit::dit
