// SPDX-License-Identifier: Apache-2.0
// The figures of a report, one function each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/activation.h"
#include "analysis/combinations.h"
#include "analysis/common_axis.h"
#include "analysis/compute_map.h"
#include "analysis/figure.h"
#include "analysis/kernels.h"
#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"
#include "analysis/quality_front.h"
#include "analysis/speed.h"
#include "analysis/tradeoffs.h"

namespace dydit::analysis {

/// Above: each model's loss minus its reference's against t, with its interval and, of sizes in the diffusion, the
/// paper's curve scaled to the same peak (left out for a single model); below: every model's loss. Dynamic models
/// alone where there are any, and no more than there are colours.
Figure loss_gap_figure(const LossGap& result, const Process& process = diffusion);

/// A row for each image: the image, then its loss map at each timestep, blue low, white high. One colour
/// scale for a timestep, or one for each map as the paper has it.
Figure loss_map_figure(const MapGrid& grid, bool normalise_each, const Process& process = diffusion);

/// For each axis of units a map of blocks by timesteps: shares that are on, blue few, white all; below, the totals
/// against t.
Figure activation_figure(const Activation& activation, const Process& process = diffusion);

/// As the loss map, of the share of the blocks that work on each position.
Figure compute_map_figure(const MapGrid& grid);

/// Share of the blocks that work on a token against t, and its correlation with loss and detail.
Figure compute_curves_figure(const std::vector<ComputeMap>& maps, const Process& process = diffusion);

/// The share of MACs against the step for the models whose routers learn it (the first ones, as many as there
/// are colours), with the target; below, the losses of the dynamic and of the complete model.
Figure lambda_figure(const std::vector<LearningCurve>& curves, const Process& process = diffusion);

/// How much more than the dense model of its size each model loses, against the share of the MACs that it
/// keeps: a curve for each size and way of training. Nothing without such a model.
std::optional<Figure> tradeoffs_figure(const std::vector<Tradeoff>& tradeoffs);

/// Gini coefficient and share of the hardest 20 % of the tokens against t, with what chance would show.
Figure concentration_figure(const std::vector<ModelConcentration>& result, const Process& process = diffusion);

/// Held-out loss against step for each model, the training loss faint beside it.
Figure learning_figure(const std::vector<LearningCurve>& curves, const Process& process = diffusion);

/// Actual against theoretical speedup, a panel for each way of skipping work, a curve for each engine and
/// batch, the diagonal, and the published points beside "both"; a figure for each three panels. `name` tells them from
/// those of other studies. Nothing when the study has no point to draw.
std::vector<Figure> speedup_figures(const SpeedStudy& study, const std::string& name);

/// The shown waterfalls, a panel each: from the theoretical time through what each cause takes to the measured one; a
/// figure for each engine and three panels. Nothing when the study has none.
std::vector<Figure> waterfall_figures(const SpeedStudy& study, const std::string& name);

/// What the speedups of whole trajectories are held against: the product of the separate ones, or the theory.
enum class Against { product, theory };

/// Beyond so many they repeat.
inline constexpr std::size_t combination_colours = 7, combination_symbols = 14;

/// Speedup against one of these, both logarithmic, with the diagonal: a colour for each engine and what it skips, a
/// symbol for each cache. Nothing when the study has no point to draw.
std::optional<Figure> combinations_figure(const SamplingStudy& study, Against against, const std::string& name);

/// Distance from real images against the time of an image, both logarithmic, a panel for each sampler: a colour for
/// each model, a symbol for each cache, a line through the numbers of steps of each model without a cache, and the
/// cells that no other one beats in both. As many figures as the samplers need.
std::vector<Figure> quality_front_figures(const QualityFront& front, const std::string& name);
/// Those distances over others' in the same time, against the time: of cells with a cache over fewer steps, of models
/// that skip over complete ones, without and with a cache. Nothing where there is no such ratio.
std::optional<Figure> quality_ratio_figure(const QualityFront& front, const std::string& name);

/// The shown combinations, a bar each: the ideal time, and stacked on it what sampler, cache and routers lose; gains,
/// in narrow bars, lead back from there to the measured time. Nothing when the study has none.
std::optional<Figure> sampling_waterfall_figure(const SamplingStudy& study, const std::string& name);

/// A cell below the complete model of its run on one scale of ms: ranges as wide as their time, what they consist of
/// below, at the ends kernels and gaps; what is too narrow to see is merged. Nothing without a time of a row.
std::optional<Figure> icicle_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name);

/// GMAC/s against MACs per byte under the ceilings of the run, both logarithmic, for a cell and the complete model;
/// rows without MACs by their GB/s at the side. Nothing without a row that has a place, or without ceilings.
std::optional<Figure> roofline_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name);

/// The ten largest opportunities of a cell, a bar each. Nothing where no row is above its bound.
std::optional<Figure> opportunities_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name);

/// From the time of the complete model to that of a cell: what shrinking as the MACs saves, then the ranges with the
/// largest excess over that, by its causes, each with the kernels behind it. Nothing for the complete model, without
/// it, or where waterfall_of has nothing.
std::optional<Figure> profile_waterfall_figure(const ProfileStudy& study, const ProfileCell& cell,
                                               const std::string& name);

}  // namespace dydit::analysis
