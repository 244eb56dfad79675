// SPDX-License-Identifier: Apache-2.0
// What a study of speed measures, and how it is stored in a profile.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dydit::study {

struct SpeedSpec {
  std::vector<std::string> models{"DyDiT-S/2"};  ///< published configurations under imposed masks
  std::vector<std::string> trained{};            ///< dynamic models of the profile, as their routers decide
  std::vector<std::int64_t> trained_batch{32};
  std::int64_t timesteps = 10;  ///< of a trained model's passes, spread evenly over the diffusion
  std::vector<double> keep{0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3};  ///< shares of the units that stay on
  std::vector<std::string> which{"widths", "tokens", "both"};   ///< of which units
  std::vector<std::int64_t> batch{4, 8};
  std::vector<std::string> engine{"dense", "masked", "compact"};
  std::vector<std::string> dtype{"float32"};
  std::int64_t input_size = 32;  ///< side of the latent
  std::int64_t blocks = 15;
  double seconds = 0;    ///< that a cell's passes take in a block, at least; on a GPU there are four at least
  bool latency = false;  ///< measure besides one pass on an idle device in each block, of the models under imposed masks
};

/// Throws UsageError, naming `where`, for a key, name or number that has no meaning.
SpeedSpec speed_spec_from_json(const nlohmann::ordered_json& json, const std::string& where);
nlohmann::ordered_json to_json(const SpeedSpec& spec);

}  // namespace dydit::study
