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

/// The key under which a safetensors file's metadata carries the process that its model was trained for.
inline constexpr const char* process_key = "dydit.process";

/// The name and the keys of that process alone.
nlohmann::ordered_json to_json(const ProcessSpec& spec);
/// Defaults where keys are absent. Throws UsageError naming `where` and the key for one of the other process, and for
/// a name that is not known.
ProcessSpec process_spec_from_json(const nlohmann::ordered_json& json, const std::string& where);
/// For people: "epsilon diffusion, linear schedule", "flow matching, linear path, velocity".
std::string words(const ProcessSpec& spec);

/// linear: (t, 1 - t); gvp: sine and cosine of pi t / 2; vp: the variance-preserving diffusion with beta from .1 to 20.
enum class Path { linear, gvp, vp };
enum class Prediction { velocity, score, noise };
enum class LossWeight { none, velocity, likelihood };

/// What a spec of flow matching names.
struct FlowKind {
  Path path;
  Prediction prediction;
  LossWeight weight;
};
/// Throws UsageError naming `where` and the key for a name that is not known, and for a weight of a velocity.
FlowKind flow_kind(const ProcessSpec& spec, const std::string& where = "process");

}  // namespace dydit::diffusion
