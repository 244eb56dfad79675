// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "run/runner.h"
#include "study/study.h"

namespace dydit::run {

/// A model of the profile with its weights, on the settings' device as their type of numbers.
study::Model open_model(const ModelSpec& spec, const RunSettings& settings);

/// True when the loss map is made of the profile's model number `model`.
bool maps_model(const LossMapSpec& spec, const Profile& profile, std::size_t model);

}  // namespace dydit::run
