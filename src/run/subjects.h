// SPDX-License-Identifier: Apache-2.0
// What a profile's studies and its sweep of trained models work on, as a run and a dry run of them open it.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"
#include "run/runner.h"
#include "study/speed.h"

namespace dydit::run {

/// Throws UsageError where the profile has nothing to run, or several processes have nothing to share.
void require_runnable(const Profile& profile, const RunSettings& settings);

struct Subjects {
  std::shared_ptr<const data::Dataset> dataset;
  std::vector<study::Model> models;
  Json hashes = Json::object(), described = Json::array();
};

/// Throws UsageError where there is no model, or one that does not fit the data.
Subjects open_subjects(const Profile& profile, const RunSettings& settings);

/// Says on stderr which weights of each checkpoint were taken, unless quiet; of several processes the first does.
void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings);

/// The trained models of the profile's sweep, with images for its largest batch. Throws UsageError where
/// there are fewer.
std::vector<study::Trained> trained_of(const Profile& profile, const RunSettings& settings,
                                       const Subjects& subjects);

}  // namespace dydit::run
