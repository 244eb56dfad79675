// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "run/runner.h"
#include "study/study.h"

namespace dydit::run {

/// Of the content of a model's checkpoint, and of what else decides what is read from it.
std::string hash_of_weights(const ModelSpec& spec);

/// A model of the profile with its weights, on the settings' device as their type of numbers.
struct OpenedModel {
  study::Model model;
  std::optional<diffusion::ProcessSpec> process;  ///< that it was trained for, where its file says so
};
OpenedModel open_model(const ModelSpec& spec, const RunSettings& settings);

/// The models that are meant, of those of a profile: those named, else those that `otherwise` says. Throws UsageError
/// naming `where` for a model without routers where `otherwise` is of dynamic ones.
std::vector<study::Model> chosen(const std::vector<std::string>& names, study::Models otherwise,
                                 const std::vector<study::Model>& models, const std::string& where);

}  // namespace dydit::run
