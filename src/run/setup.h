// SPDX-License-Identifier: Apache-2.0
// What every runner opens first: data, models with their weights, the run directory. Subjects are what a profile's
// studies and its sweep of trained models work on, as a run and a dry run of them open it.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"
#include "model/architecture.h"
#include "run/runner.h"
#include "study/sampling.h"

namespace dydit::run {

/// Throws InputError naming the file when the data are missing, UsageError when they do not fit the model.
std::shared_ptr<const data::Dataset> open_data(const DataSpec& spec, std::uint64_t seed);
void require_fit(const data::Dataset& dataset, const DataSpec& spec, const model::Architecture& architecture,
                 const std::string& model);

/// Entries of a manifest that every run has. What must agree on resumption is `asked`, which the user chose and which a
/// refusal names first, the seed and what a run is made on, and `identity`, what the files hold.
Json base_manifest(const Json& asked, std::uint64_t seed, const diffusion::ProcessSpec& process,
                   const RunSettings& settings, const Json& identity);
/// Of what a profile says.
Json base_manifest(const Profile& profile, const RunSettings& settings, const Json& identity);

/// Throws UsageError naming what is not as at rank 0: the parts of different runs would be put together as one. Nobody goes
/// on before all agree.
void require_same_everywhere(const Json& identity, const distributed::ProcessGroup& group);

/// Opens settings.out, or the next run of that name below runs/, and prints its path first. At rank 0: null
/// elsewhere. Throws UsageError where a process of the group is to run something else than rank 0.
std::unique_ptr<record::RunDirectory> open_run(const std::string& name, const RunSettings& settings,
                                               const Json& manifest);

Json describe_data(const data::Dataset& dataset, const DataSpec& spec);
Json describe_model(const std::string& name, const model::Architecture& architecture);

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

/// Throws UsageError where the profile has nothing to run, or several processes have nothing to share.
void require_runnable(const Profile& profile, const RunSettings& settings);

struct Subjects {
  std::shared_ptr<const data::Dataset> dataset;
  std::vector<study::Model> models;
  diffusion::ProcessSpec process = {};  ///< of all of them
  bool process_said = true;             ///< by the profile or a file, not assumed
  Json hashes = Json::object(), described = Json::array();
  std::vector<study::Trained> trained = {};  ///< the models of the sweep, with images for its largest batch
  std::vector<study::Trained> sampled = {};  ///< those that trajectories are of
};

/// None where the profile has none. Completes the profile by what its models say: their process, and the times of
/// studies that follow from it. Throws UsageError where there is no model, one that does not fit the data, or fewer
/// images than a batch of the sweep.
Subjects open_subjects(Profile& profile, const RunSettings& settings);

/// The times that a study visits. Throws UsageError for one that the process does not have.
std::vector<double> times_of(const StudySpec& spec, const diffusion::ProcessSpec& process);

/// Says on stderr, unless silent, which weights of each checkpoint were taken and which process they are run in.
void tell_weights(const Profile& profile, const Subjects& subjects, const RunSettings& settings);

}  // namespace dydit::run
