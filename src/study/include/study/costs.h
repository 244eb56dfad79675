// SPDX-License-Identifier: Apache-2.0
// What the units of a block cost: its time as a function of how many units of one axis are on while everything else is.
// Work comes in tiles, of products on a GPU above all, so that this time goes in steps where MACs go in a line.
#pragma once

#include "study/speed.h"

namespace dydit::study {

struct CostsSpec {
  std::string model = "DyDiT-S/2";  ///< a published configuration
  std::vector<std::string> engine{"compact"};
  std::vector<std::int64_t> batch{8};  ///< images of a block
  std::string dtype = "float32";
  std::int64_t input_size = usual_input_size;  ///< side of the latent
  std::int64_t blocks = 15;                    ///< interleaved, of the times
};
/// All but the type of numbers.
const Schema<CostsSpec>& costs_schema();
/// Throws UsageError for a model without routers, and for an engine that does not keep what is on.
void require_costs(const CostsSpec& spec, const Catalog& catalog);

using CostsSetting = MeasureSetting<CostsSpec>;

/// A record "costs" for each engine, batch, unit axis ("unit") and number of its units that are on ("on"): the time of
/// one block of the model (engine::Engine::blocks_alone), and the share of its MACs that is left. Of tokens every
/// sixteenth is measured. All of an engine and a batch are measured together, in interleaved blocks; what fails, or has
/// a time that is not one, is a failed record. Throws Interrupted between runs.
void costs(const CostsSetting& setting, record::RunDirectory* run);

/// What the costs of a block depend on: numbers of units and MACs. A run of costs has it as "block" in its manifest.
Json describe_block(const model::Architecture& architecture);

/// Passes whose numbers of units are to be rounded up.
struct RoundedPasses {
  std::string engine, dtype;
  std::int64_t batch = 1;
  torch::Device device = torch::kCPU;
  int threads = 2;  ///< of the CPU: they count there alone
};
/// By the costs in that run directory; tokens are not rounded, as their number is known on the device alone. Throws
/// InputError where it has none, UsageError where they are of another block, machine, engine, type of numbers or batch.
engine::RoundUp round_up_of(const std::string& costs, const model::Architecture& architecture,
                            const RoundedPasses& passes);
/// Throws UsageError naming --round-to-tiles where none of the engines keeps what is on, InputError where there is no
/// run of costs.
void require_rounding(const std::string& costs, const std::vector<engine::Row>& engines);

/// What rounding did, the mean over the images: masks of each axis, of an undefined one everything is on.
struct RoundingDone {
  std::vector<std::pair<std::string, double>> stay_on;  ///< units of all layers by the axis's label
  double lambda_planned = 0, lambda_kept = 0;           ///< shares of the blocks' MACs

  std::string words() const;
};
RoundingDone rounding_done(const engine::RoundedPlan& plan, const model::Architecture& architecture);

}  // namespace dydit::study
