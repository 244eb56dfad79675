// SPDX-License-Identifier: Apache-2.0
// What a sweep measures: axes, whose product is its cells, and how each is timed.
#pragma once

#include "base/schema.h"
#include "study/kept.h"

namespace dydit::study {

/// Side of the latent of 256x256 images, which the published configurations are for.
constexpr std::int64_t usual_input_size = 32;

struct Trained;

/// What is timed, as the axes of a group of cells set it.
struct Workload {
  std::string model;
  const Trained* trained = nullptr;  ///< else a published configuration, under imposed masks
  std::string dtype = "float32";
  std::int64_t batch = 1;
  Kept keep = {};
  double time = 500;            ///< of the passes of a model that is not trained
  Json point = Json::object();  ///< the values of the axes by their names
};

/// An axis of a sweep. Cells that differ in it are measured in groups of their own; those of one group, which differ in
/// their engine and in which units are off, are measured together.
struct Axis {
  std::string name;  ///< in profiles and records
  std::string help;
  std::vector<Json> values;  ///< where a profile names none
  /// Throws UsageError naming `where` for what is no value.
  std::function<void(const Json& value, const std::string& where)> check;
  std::function<void(Workload& workload, const Json& value)> set;
  bool of_trained = true;  ///< whether cells of trained models have it
};

const std::vector<std::string>& types_of_numbers();

/// "dtype", "batch", "keep": every sweep has them, and its models.
std::vector<Axis> standard_axes();

struct SpeedSpec {
  std::vector<std::string> models{"DyDiT-S/2"};  ///< published configurations under imposed masks
  std::vector<std::string> trained{};            ///< dynamic models of the profile, as their routers decide
  std::vector<std::int64_t> trained_batch{32};
  std::int64_t timesteps = 10;  ///< of a trained model's passes, spread evenly over the process
  std::vector<std::pair<std::string, std::vector<Json>>> axes{};  ///< values of the axes, in their order
  std::vector<std::string> which{"widths", "tokens", "both"};     ///< of which units the share is kept
  std::vector<std::string> engine{"dense", "masked", "compact"};
  std::int64_t input_size = usual_input_size;  ///< side of the latent
  std::int64_t blocks = 15;
  double seconds = 0;  ///< that a cell's passes take in a block, at least; on a GPU there are four at least
  bool latency =
      false;  ///< measure besides one pass on an idle device in each block, of the models under imposed masks
  std::string round_to_tiles = {};  ///< run directory of costs, by which engines that keep what is on round up
};

/// What a sweep can name.
struct SweepNames {
  std::vector<Axis> axes;
  std::vector<std::string> engines;
  /// Throws UsageError, naming `where`, for a model that cannot be swept so.
  std::function<void(const SpeedSpec& spec, const std::string& where)> require_models;
};

/// Throws UsageError, naming `where`, for a key, name or number that has no meaning.
SpeedSpec speed_spec_from_json(const Json& json, const std::string& where, const SweepNames& names);
Json to_json(const SpeedSpec& spec);

/// The product of the axes, from where `start` stands: a group for each point.
std::vector<Workload> product(const Workload& start, const std::vector<Axis>& axes,
                              const std::function<std::vector<Json>(const std::string& axis)>& values_of);

}  // namespace dydit::study
