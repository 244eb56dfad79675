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
  diffusion::ProcessSpec process = {};  ///< of all of them
  bool process_said = true;             ///< by the profile or a file, not assumed
  Json hashes = Json::object(), described = Json::array();
};

/// Throws UsageError where there is no model, or one that does not fit the data.
Subjects open_subjects(const Profile& profile, const RunSettings& settings);

/// The profile with what its models say: their process, and the times of studies that follow from it.
void resolve(Profile& profile, const Subjects& subjects);

/// The times that a study visits. Throws UsageError for one that the process does not have.
std::vector<double> times_of(const StudySpec& spec, const diffusion::ProcessSpec& process);

/// Says on stderr which weights of each checkpoint were taken, and which process they are run in, unless quiet; of several processes the first does.
void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings);

/// The trained models of the profile's sweep, with images for its largest batch. Throws UsageError where
/// there are fewer.
std::vector<study::Trained> trained_of(const Profile& profile, const RunSettings& settings,
                                       const Subjects& subjects);

}  // namespace dydit::run
