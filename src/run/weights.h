// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "run/runner.h"
#include "study/study.h"

namespace dydit::run {

/// Of the content of a model's checkpoint, and of what else decides what is read from it.
std::string hash_of_weights(const ModelSpec& spec);

/// A model of the profile with its weights, on the settings' device as their type of numbers.
study::Model open_model(const ModelSpec& spec, const RunSettings& settings);

/// The models that a study looks at, of those of a profile: those it names, else all of them for the loss
/// gap, the reference for loss maps, and every dynamic one for activation and compute maps; of a sweep its
/// trained ones. Throws UsageError naming a model without routers where a study needs them.
std::vector<study::Model> curve_models(const CurveSpec& spec, const std::vector<study::Model>& models);
std::vector<study::Model> activation_models(const CurveSpec& spec, const std::vector<study::Model>& models);
std::vector<study::Model> loss_map_models(const MapSpec& spec, const std::vector<study::Model>& models);
std::vector<study::Model> compute_map_models(const MapSpec& spec, const std::vector<study::Model>& models);
std::vector<study::Model> sweep_models(const study::SpeedSpec& spec, const std::vector<study::Model>& models);

}  // namespace dydit::run
