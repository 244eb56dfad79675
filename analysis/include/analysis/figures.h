// SPDX-License-Identifier: Apache-2.0
// The figures of a report, one function each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/figure.h"
#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"
#include "analysis/speed.h"

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

/// Actual against theoretical speedup, a panel for each way of skipping work, a curve for each engine and
/// batch, the diagonal, and the published points beside "both". `name` tells it from those of other studies.
/// Nothing when the study has no point to draw.
std::optional<Figure> speedup_figure(const SpeedStudy& study, const std::string& name);

/// The shown waterfalls, a panel each: from the theoretical time through what each cause takes to the
/// measured one. Nothing when the study has none.
std::optional<Figure> waterfall_figure(const SpeedStudy& study, const std::string& name);

}  // namespace dydit::analysis
