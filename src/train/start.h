// SPDX-License-Identifier: Apache-2.0
// The model that a training begins with.
#pragma once

#include "diffusion/process.h"
#include "dit/dit.h"
#include "train/train.h"

namespace dydit::train {

/// With fresh weights; routers whose decisions are imposed need no gradient.
dit::DiT fresh_model(const Job& job);

/// Puts the weights of job.start into `dit`, with open routers where that has none or they are not trained,
/// its units in the order asked for, and the routers of a static model saying what it keeps.
void begin(const Job& job, const diffusion::Process& process, dit::DiT& dit);

}  // namespace dydit::train
