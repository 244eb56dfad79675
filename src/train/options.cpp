// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/bounds.h"

namespace dydit::train {

const Schema<DynamicOptions>& dynamic_schema() {
  using O = DynamicOptions;
  static const auto schema =
      Schema<O>()
          .add("lambda", &O::lambda, bounds::lambda, "share of the blocks' MACs that a dynamic model aims at")
          .add("decide", &O::decide, {"routers", "chance", "static"},
               "what to skip: routers (learned), chance or static")
          .add("skip", &O::skip, {"both", "widths", "tokens"}, "both, widths (heads and channel groups) or tokens")
          .add("order", &O::order, {"none", "magnitude", "taylor", "random"},
               "sort heads and channels before, by importance")
          .add("hold_steps", &O::hold_steps, bounds::phase_steps, "the target stays at 1")
          .add("target_warmup_steps", &O::target_warmup_steps, bounds::phase_steps, "then it falls to lambda")
          .add("complete_steps", &O::complete_steps, bounds::phase_steps,
               "stage 1: first steps that learn the complete model's loss besides")
          .add("settle_steps", &O::settle_steps, bounds::phase_steps, "last steps, which decide without noise")
          .add("flops_weight", &O::flops_weight, bounds::flops_weight, "of the squared distance from the target")
          .add("temperature", &O::temperature, bounds::temperature, "of the Gumbel-sigmoid")
          .add("width_bias", &O::width_bias, bounds::router_bias, "of new routers over widths")
          .add("token_bias", &O::token_bias, bounds::router_bias, "of new routers over tokens");
  return schema;
}

DynamicOptions dynamic_options_from_json(const Json& json, const std::string& where) {
  const auto o = dynamic_schema().from_json(json, where);
  if (o.decide == "static" && o.skip != "widths")
    throw UsageError("wrong choice", where + ".skip", "static skipping is of widths");
  return o;
}

double lambda_target(const DynamicOptions& o, std::int64_t step) {
  if (step < o.hold_steps) return 1;
  const auto warmup = static_cast<double>(std::max<std::int64_t>(1, o.target_warmup_steps));
  return std::lerp(1.0, o.lambda, std::min(1.0, static_cast<double>(step - o.hold_steps + 1) / warmup));
}

const Schema<TrainOptions>& train_schema() {
  using O = TrainOptions;
  static const auto schema =
      Schema<O>()
          .add("steps", &O::steps, bounds::steps, "optimizer steps")
          .add("batch", &O::batch, bounds::batch, "images of a step")
          .add("learning_rate", &O::learning_rate, bounds::learning_rate, "of AdamW")
          .add("warmup_steps", &O::warmup_steps, bounds::warmup_steps, "linear warm-up")
          .add("decay", &O::decay, {"none", "cosine"}, "of the learning rate")
          .add("weight_decay", &O::weight_decay, bounds::weight_decay, "of AdamW")
          .add("gradient_clip", &O::gradient_clip, bounds::gradient_clip, "global norm; 0 is off")
          .add("ema_decay", &O::ema_decay, bounds::ema_decay, "of the moving average")
          .add("label_dropout", &O::label_dropout, bounds::label_dropout, "share of labels replaced by no class")
          .add("flip", &O::flip, "mirror images left-right (not of latents)")
          .add("bfloat16", &O::bfloat16, "autocast")
          .add("record_every", &O::record_every, bounds::record_every, "steps between records")
          .add("checkpoint_every", &O::checkpoint_every, bounds::checkpoint_every, "steps between checkpoints")
          .add("held_out_images", &O::held_out_images, bounds::held_out_images, "images of the held-out loss")
          .add("timestep_strata", &O::timestep_strata, bounds::timestep_strata,
               "equal parts of the times that images take in turn (of a dynamic model 4)");
  return schema;
}

Json to_json(const TrainOptions& o) {
  Json json = train_schema().to_json(o);
  if (o.dynamic) json["dynamic"] = dynamic_schema().to_json(*o.dynamic);
  return json;
}

TrainOptions train_options_from_json(const Json& json) {
  TrainOptions o;
  Keys keys(json, "train");
  if (const Json dynamic = keys.take("dynamic"); !dynamic.is_null()) {
    o.dynamic = dynamic_options_from_json(dynamic, "train.dynamic");
    o.timestep_strata = 4;
  }
  train_schema().read(keys, o);
  keys.finish();
  return o;
}

double learning_rate(const TrainOptions& o, std::int64_t step) {
  if (step < o.warmup_steps)
    return o.learning_rate * static_cast<double>(step + 1) / static_cast<double>(o.warmup_steps);
  if (o.decay == "none") return o.learning_rate;
  const auto length = static_cast<double>(std::max<std::int64_t>(1, o.steps - o.warmup_steps));
  const double progress = static_cast<double>(step - o.warmup_steps) / length;
  return o.learning_rate * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

double ema_decay(const TrainOptions& o, std::int64_t step) {
  const auto s = static_cast<double>(step);
  return std::min(o.ema_decay, (1 + s) / (10 + s));
}

}  // namespace dydit::train
