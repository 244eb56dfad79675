// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "run/runner.h"
#include "study/study.h"

namespace dydit::run {

/// Of the content of a model's checkpoint, and of what else decides what is read from it.
std::string hash_of_weights(const ModelSpec& spec);

/// A model of the profile with its weights, on the settings' device as their type of numbers.
study::Model open_model(const ModelSpec& spec, const RunSettings& settings);

/// The models that a study of maps looks at, of those of a profile: those it names, else the reference for loss maps, and
/// every dynamic one for compute maps.
std::vector<study::Model> loss_map_models(const MapSpec& spec, const std::vector<study::Model>& models);
std::vector<study::Model> compute_map_models(const MapSpec& spec, const std::vector<study::Model>& models);
/// Throws UsageError, naming the study, where there is none.
std::vector<study::Model> dynamic_models(const std::vector<study::Model>& models, const std::string& study);

}  // namespace dydit::run
