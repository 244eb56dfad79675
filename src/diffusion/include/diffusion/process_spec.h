// SPDX-License-Identifier: Apache-2.0
// Which process takes images to noise, and what a model predicts along it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dydit::diffusion {

/// "diffusion": epsilon prediction in 1000 steps; "flow": flow matching on an interpolant, as SiT.
struct ProcessSpec {
  std::string name = "diffusion";
  std::string noise_schedule = "linear";  ///< of the diffusion: linear or cosine
  std::string path = "linear";            ///< of flow: linear, gvp or vp
  std::string prediction = "velocity";    ///< of flow: velocity, score or noise
  std::string loss_weight = "none";       ///< of flow: none; for score and noise also velocity or likelihood

  bool operator==(const ProcessSpec&) const = default;
};

/// The name and the keys of that process alone.
nlohmann::ordered_json to_json(const ProcessSpec& spec);
/// Defaults where keys are absent. Throws UsageError naming `where` and the key for one of the other process, and for
/// a name that is not known.
ProcessSpec process_spec_from_json(const nlohmann::ordered_json& json, const std::string& where);
/// For people: "epsilon diffusion, linear schedule", "flow matching, linear path, velocity".
std::string words(const ProcessSpec& spec);

}  // namespace dydit::diffusion
