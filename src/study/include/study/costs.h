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
  std::int64_t input_size = 32;  ///< side of the latent
  std::int64_t blocks = 15;      ///< interleaved, of the times
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

}  // namespace dydit::study
