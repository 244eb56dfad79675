// SPDX-License-Identifier: Apache-2.0
// Everything that decides what a training computes, and how it is stored in a profile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/schema.h"

namespace dydit::train {

/// How a dynamic model is fine-tuned toward a share of its MACs, and the baselines that it has to beat at that share.
struct DynamicOptions {
  double lambda = 0.5;             ///< share of the blocks' MACs that training aims at
  std::string decide = "routers";  ///< "routers" learn what to skip; "chance" draws it anew each time;
                                   ///< "static": the first units
  std::string skip = "both";       ///< "widths" (heads and channel groups), "tokens", or "both"
  std::string order = "none";      ///< sort heads and channels before by "magnitude", "taylor" or "random" importance
  std::int64_t hold_steps = 100;   ///< the target stays at 1
  std::int64_t target_warmup_steps = 1000;  ///< then it falls to lambda, linearly
  std::int64_t complete_steps = 0;          ///< first steps (stage 1) that learn the complete model's loss besides
  std::int64_t settle_steps = 0;  ///< last steps, whose decisions are taken without noise, as those of inference
  double flops_weight = 2;        ///< of the squared distance from the target
  double temperature = 5;         ///< of the Gumbel-sigmoid
  /// Of new routers, which begin mostly open: the larger, the more. Short trainings need lower ones.
  double width_bias = 15, token_bias = 35;
};

struct TrainOptions {
  std::int64_t steps = 1000;
  std::int64_t batch = 256;
  double learning_rate = 1e-4;
  std::int64_t warmup_steps = 0;  ///< linear from 0
  std::string decay = "none";     ///< "none", or "cosine" to 0 at the last step
  double weight_decay = 0;
  double gradient_clip = 1;         ///< global norm; 0 = off
  double ema_decay = 0.9999;        ///< warmed up: min(decay, (1 + step) / (10 + step))
  double label_dropout = 0.1;       ///< share of labels replaced by "no class"
  bool flip = true;                 ///< mirror images left-right with probability 1/2
  bool bfloat16 = false;            ///< autocast
  std::int64_t record_every = 500;  ///< steps between records of training and held-out loss
  std::int64_t checkpoint_every = 5000;
  std::int64_t held_out_images = 1000;
  std::int64_t timestep_strata = 1;  ///< equal parts of the timesteps that images take in turn; 4 for a dynamic model
  std::optional<DynamicOptions> dynamic = {};  ///< a DyDiT, which learns what to skip
};

const Schema<DynamicOptions>& dynamic_schema();
/// Throws UsageError naming the key.
DynamicOptions dynamic_options_from_json(const Json& json, const std::string& where);

/// The target of step `step` (0-based).
double lambda_target(const DynamicOptions& options, std::int64_t step);

/// All but `dynamic`.
const Schema<TrainOptions>& train_schema();
Json to_json(const TrainOptions& options);
/// Unknown keys and values out of range are refused. Throws UsageError naming the key.
TrainOptions train_options_from_json(const Json& json);

/// The learning rate of step `step` (0-based).
double learning_rate(const TrainOptions& options, std::int64_t step);
/// The EMA's decay after `step` steps.
double ema_decay(const TrainOptions& options, std::int64_t step);

}  // namespace dydit::train
