// SPDX-License-Identifier: Apache-2.0
// A profile says what to run: data, models, studies or a training. Written in TOML, kept in the manifest
// as JSON. Relative paths in a profile are relative to its folder.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/speed_spec.h"
#include "train/options.h"

namespace dydit::run {

using Json = nlohmann::ordered_json;

struct DataSpec {
  std::string path;        ///< see data::open_dataset
  std::int64_t size = 32;  ///< side to which images are cropped
  double grain = 0;        ///< in 8-bit grey levels, see data::Grained
};

struct ModelSpec {
  std::string name;                            ///< in records and figures
  std::string checkpoint = {};                 ///< studies: the weights; training: those to begin with
  std::string weights = "automatic";           ///< "ema", "model" or "automatic"
  std::optional<std::int64_t> num_heads = {};  ///< where a checkpoint does not tell
  Json configuration = {};                     ///< training from fresh weights: see model::from_json
  Json train = Json::object();                 ///< training: options of this model alone
};

/// A study of curves over the timesteps: loss gap, activation.
struct CurveSpec {
  std::int64_t timesteps = 50;           ///< how many, spread evenly over the diffusion
  std::vector<std::int64_t> at = {};     ///< or which; a profile writes either as `timesteps`
  std::int64_t images = 0;               ///< 0: all
  std::int64_t chunk = 100;              ///< images of one cell, and of one forward pass
  std::vector<std::string> models = {};  ///< empty: all, for activation all dynamic ones
};

/// A study of maps over the image: loss map, compute map.
struct MapSpec {
  std::vector<std::int64_t> timesteps{200, 300, 400, 600, 800, 900};  ///< those of the paper's figure
  std::int64_t images = 10, draws = 8;
  std::int64_t shown = 6;       ///< images in the figure
  bool normalise_each = false;  ///< loss maps: each to [0, 1] as in the paper, not one scale per timestep
  std::vector<std::string>
      models;  ///< empty: the reference (the last model); for compute maps all dynamic ones
};

struct Profile {
  std::string name = "study";
  std::uint64_t seed = 0;
  DataSpec data;
  std::optional<DataSpec> held_out;
  std::vector<ModelSpec> models;
  std::optional<CurveSpec> loss_gap;
  std::optional<MapSpec> loss_map;
  std::optional<CurveSpec> activation;  ///< of the dynamic models
  std::optional<MapSpec> compute_map;   ///< of dynamic models
  std::optional<study::SpeedSpec> sweep;
  Json train;           ///< options of every model; null where the profile trains nothing
  std::string history;  ///< run directory of the models' training, for the learning curves
  std::string note;     ///< for the report's readers
  std::string noise_schedule = "linear";

  /// Any but a sweep.
  bool has_studies() const { return loss_gap || loss_map || activation || compute_map; }
  /// Anything that takes models and images: studies, or a sweep of trained models.
  bool has_subjects() const { return has_studies() || (sweep && !sweep->trained.empty()); }
  /// The names of models that its studies have.
  std::vector<std::vector<std::string>*> models_of_studies() {
    std::vector<std::vector<std::string>*> lists;
    for (auto* curve : {&loss_gap, &activation})
      if (*curve) lists.push_back(&(*curve)->models);
    for (auto* map : {&loss_map, &compute_map})
      if (*map) lists.push_back(&(*map)->models);
    return lists;
  }
  void leave_no_study() {
    loss_gap.reset();
    loss_map.reset();
    activation.reset();
    compute_map.reset();
    sweep.reset();
  }
};

/// Throws InputError when the file is missing or no TOML, UsageError naming the key that is wrong.
Profile read_profile(const std::filesystem::path& path);

/// As resolved, all defaults filled in.
Json to_json(const Profile& profile);

/// Throws UsageError naming `where` for an empty list, or a timestep given twice.
void require_distinct_timesteps(const std::vector<std::int64_t>& timesteps, const std::string& where);

/// The timesteps that a study visits.
std::vector<std::int64_t> timesteps_of(const CurveSpec& spec);

/// The options of one model's training.
train::TrainOptions train_options(const Profile& profile, const ModelSpec& model);

}  // namespace dydit::run
