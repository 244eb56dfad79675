// SPDX-License-Identifier: Apache-2.0
// Whether a variant computes what the masked engine does: a time of something else is none.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "engine/engine.h"

namespace dydit::study {

/// The relative distance that rounding explains between two executions of a model of so many blocks: 4 epsilon of the
/// type of numbers for each rounding of the residual stream, of which there are two a block, which add up like
/// independent errors.
double tolerance_of(torch::Dtype dtype, std::int64_t depth);

/// Throws RunError unless |output - reference| <= tolerance |reference| in the l2 norm of each image (N,...); what is
/// not a number never agrees.
void require_agreement(const torch::Tensor& output, const torch::Tensor& reference, double tolerance);

/// Throws RunError where more decisions of an image over the units of an axis differ than one in a hundred and four
/// standard deviations of such a number (Poisson), and more than one: rounding turns those alone whose logit is next to
/// zero.
void require_same_decisions(const engine::Masks& masks, const engine::Masks& reference,
                            const std::vector<model::UnitAxis>& units);

}  // namespace dydit::study
