// SPDX-License-Identifier: Apache-2.0
// What manifests say of the process, the engines and the models of a run; for older runs, which say nothing,
// what was true of all of them. Everything here throws InputError, naming the run, for entries of other types
// than these.
#pragma once

#include <array>
#include <compare>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "record/run_directory.h"

namespace dydit::analysis {

/// How noise becomes data: what its times mean, and what a model predicts.
struct Process {
  std::string_view name, prediction;  ///< in manifests; a prediction of "" stands there for none
  std::string_view title;             ///< for people
  std::string_view range;             ///< of the times, as gnuplot has it
  std::string_view axis;              ///< title of an axis of times
  bool data_last;                     ///< at the last time, else at the first
  std::string_view predicted;         ///< in sentences: "epsilon"
  std::string_view symbol;            ///< in tables and figures: "ε"

  std::size_t noisiest(std::size_t times) const { return data_last ? 0 : times - 1; }
  /// A text of the epsilon diffusion with what this process predicts in the place of epsilon.
  std::string words(std::string_view text) const;
};

/// What a flow's error is of: SiT's objective takes sigma times the score for the score, which is an error of the
/// noise.
inline constexpr std::array processes{
    Process{"diffusion", "", "Diffusion", "[0:1000]", "timestep t", false, "epsilon", "ε"},
    Process{"flow", "velocity", "Flow matching", "[0:1]", "time t (1 is data)", true, "velocity", "velocity"},
    Process{"flow", "noise", "Flow matching", "[0:1]", "time t (1 is data)", true, "noise", "noise"},
    Process{"flow", "score", "Flow matching", "[0:1]", "time t (1 is data)", true, "noise", "noise"}};
inline constexpr const Process& diffusion = processes.front();

/// The manifest's "process"; runs whose processes differ cannot be joined.
nlohmann::json process_entry(const record::Run& run);
const Process& process_of(const record::Run& run);

/// What an engine computes: everything, everything times masks, or only what is on.
enum class Executes { all, masked, kept };

struct Engine {
  Executes executes;
  std::string name;
  auto operator<=>(const Engine&) const = default;
};

/// By name: the manifest's and the three of older runs.
std::map<std::string, Engine> engines_of(const record::Run& run);

/// Units of one kind that a dynamic model switches on and off.
struct UnitAxis {
  std::string name, label;  ///< of its tensors and metrics, and for people
  bool per_token = false;   ///< else what is on depends on the time alone
  std::size_t layers = 0;   ///< that have such units; 0: as many as those of the other axes
  std::string column = name, metric = "units_on." + name;  ///< in CSVs and in the records of a training
};

struct Model {
  bool dynamic = false;
  std::vector<UnitAxis> units;  ///< of a model that is not said to be dynamic: those of older dynamic ones
  record::Json dense;           ///< equal for models of one size
};

/// As the last manifest that lists it says.
Model model_in(std::span<const record::Run> runs, const std::string& name);
/// Of the units of all dynamic models, each once: of them that are so per token, or not, or all.
std::vector<std::string> unit_labels(std::span<const record::Run> runs, std::optional<bool> per_token = std::nullopt);

}  // namespace dydit::analysis
