// SPDX-License-Identifier: Apache-2.0
// Where the time of a forward pass goes, by range and kernel or operator: the complete model and what is asked for,
// first timed as they are, then while collectors look at them (timeline/attribution.h).
#pragma once

#include <optional>

#include "study/speed.h"

namespace dydit::study {

struct KernelsSpec {
  std::string model = "DyDiT-S/2";         ///< a published configuration under imposed masks; else a trained model
  std::vector<std::string> engine{};       ///< beside the complete model; none: that alone
  std::vector<std::string> which{"both"};  ///< of which units the share is kept; not of a trained model
  Kept keep = 0.5;
  std::int64_t batch = 8;
  std::string dtype = "float32";
  std::int64_t input_size = usual_input_size;  ///< side of the latent
  std::int64_t blocks = 15;                    ///< interleaved, of the times without collectors
  std::int64_t timesteps = 10;                 ///< of a trained model's passes
  std::string round_to_tiles = {};             ///< as in a SpeedSpec
};

using KernelsSetting = MeasureSetting<KernelsSpec>;

/// A record "profile" for each cell: its times without and with collectors, what nobody has of it, ceilings; and a
/// record "kernel" for each of its rows. The trace of a cell is trace/NAME.json.gz, NAME being `trace` where one cell
/// is asked for. Where a GPU's records cannot be had that is told and its cells have no rows. Throws Interrupted
/// between passes.
void kernels(const KernelsSetting& setting, record::RunDirectory* run);

}  // namespace dydit::study
