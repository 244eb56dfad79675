// SPDX-License-Identifier: Apache-2.0
// How a dynamic model is fine-tuned toward a share of its MACs, and the baselines that it has to beat at that
// share.
#pragma once

#include <cstdint>
#include <string>

#include "base/schema.h"

namespace dydit::train {

struct DynamicOptions {
  double lambda = 0.5;             ///< share of the blocks' MACs that training aims at
  std::string decide = "routers";  ///< "routers" learn what to skip; "chance" draws it anew each time;
                                   ///< "static": the first units
  std::string skip = "both";       ///< "widths" (heads and channel groups), "tokens", or "both"
  std::string order =
      "none";  ///< sort heads and channels before by "magnitude", "taylor" or "random" importance
  std::int64_t hold_steps = 100;            ///< the target stays at 1
  std::int64_t target_warmup_steps = 1000;  ///< then it falls to lambda, linearly
  std::int64_t complete_steps = 0;  ///< first steps (stage 1) that learn the complete model's loss besides
  std::int64_t settle_steps =
      0;                    ///< last steps, whose decisions are taken without noise, as those of inference
  double flops_weight = 2;  ///< of the squared distance from the target
  double temperature = 5;   ///< of the Gumbel-sigmoid
  /// Of new routers, which begin mostly open: the larger, the more. Short trainings need lower ones.
  double width_bias = 15, token_bias = 35;
};

const Schema<DynamicOptions>& dynamic_schema();
/// Throws UsageError naming the key.
DynamicOptions dynamic_options_from_json(const Json& json, const std::string& where);

/// The target of step `step` (0-based).
double lambda_target(const DynamicOptions& options, std::int64_t step);

}  // namespace dydit::train
