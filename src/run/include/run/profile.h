// SPDX-License-Identifier: Apache-2.0
// A profile says what to run: data, models, studies or a training. Written in TOML, kept in the manifest
// as JSON. Relative paths in a profile are relative to its folder.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/names.h"
#include "train/options.h"

namespace dydit::run {

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
  Json configuration = {};                     ///< training from fresh weights: see dit::from_json
  Json train = Json::object();                 ///< training: options of this model alone
};

/// A study that a profile has.
struct StudySpec {
  study::Info info;
  study::Options options;
};

struct Profile {
  std::string name = "study";
  std::uint64_t seed = 0;
  DataSpec data;
  std::optional<DataSpec> held_out;
  std::vector<ModelSpec> models;
  std::optional<diffusion::ProcessSpec> process;  ///< of all models; nothing: as their checkpoints say
  std::vector<StudySpec> studies;                 ///< in the order of the names
  std::optional<study::SpeedSpec> sweep;
  std::optional<study::SamplingSweep> sampling;
  Json train;           ///< options of every model; null where the profile trains nothing
  std::string history;  ///< run directory of the models' training, for the learning curves
  std::string note;     ///< for the report's readers

  /// Anything that takes models and images: studies, or a sweep of trained models.
  bool has_subjects() const {
    return !studies.empty() || (sweep && !sweep->trained.empty()) || (sampling && !sampling->trained.empty());
  }
};

/// The options of data: `path`, `size` and `grain`.
const Schema<DataSpec>& data_schema();

/// Throws InputError when the file is missing or no TOML, UsageError naming the key that is wrong.
Profile read_profile(const std::filesystem::path& path, const study::Names& names);

/// As resolved, all defaults filled in.
Json to_json(const Profile& profile);

/// The options of one model's training.
train::TrainOptions train_options(const Profile& profile, const ModelSpec& model);

}  // namespace dydit::run
