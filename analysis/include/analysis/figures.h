// SPDX-License-Identifier: Apache-2.0
// The figures of a report, one function each.
#pragma once

#include <vector>

#include "analysis/figure.h"
#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"

namespace dydit::analysis {

/// Above: each model's loss minus the reference's against t, with its interval and the paper's curve
/// scaled to the same peak (left out for a single model); below: every model's loss.
Figure loss_gap_figure(const LossGap& result);

/// A row for each image: the image, then its loss map at each timestep, blue low, white high. One colour
/// scale for a timestep, or one for each map as the paper has it.
Figure loss_map_figure(const MapGrid& grid, bool normalise_each);

/// Gini coefficient and share of the hardest 20 % of the tokens against t, with what chance would show.
Figure concentration_figure(const std::vector<ModelConcentration>& result);

/// Held-out loss against step for each model, the training loss faint beside it.
Figure learning_figure(const std::vector<LearningCurve>& curves);

}  // namespace dydit::analysis
