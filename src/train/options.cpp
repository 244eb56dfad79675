// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/keys.h"

namespace dydit::train {

using Json = nlohmann::ordered_json;

Json to_json(const TrainOptions& o) {
  Json json = {{"steps", o.steps},
               {"batch", o.batch},
               {"learning_rate", o.learning_rate},
               {"warmup_steps", o.warmup_steps},
               {"decay", o.decay},
               {"weight_decay", o.weight_decay},
               {"gradient_clip", o.gradient_clip},
               {"ema_decay", o.ema_decay},
               {"label_dropout", o.label_dropout},
               {"flip", o.flip},
               {"bfloat16", o.bfloat16},
               {"noise_schedule", o.noise_schedule},
               {"record_every", o.record_every},
               {"checkpoint_every", o.checkpoint_every},
               {"held_out_images", o.held_out_images},
               {"timestep_strata", o.timestep_strata}};
  if (o.dynamic) json["dynamic"] = to_json(*o.dynamic);
  return json;
}

TrainOptions train_options_from_json(const Json& json) {
  TrainOptions o;
  Keys keys(json, "train");
  keys.read("steps", o.steps).read("batch", o.batch).read("learning_rate", o.learning_rate);
  keys.read("warmup_steps", o.warmup_steps).read("decay", o.decay).read("weight_decay", o.weight_decay);
  keys.read("gradient_clip", o.gradient_clip)
      .read("ema_decay", o.ema_decay)
      .read("label_dropout", o.label_dropout);
  keys.read("flip", o.flip).read("bfloat16", o.bfloat16).read("noise_schedule", o.noise_schedule);
  keys.read("record_every", o.record_every).read("checkpoint_every", o.checkpoint_every);
  keys.read("held_out_images", o.held_out_images);
  if (const Json dynamic = keys.take("dynamic"); !dynamic.is_null()) {
    o.dynamic = dynamic_options_from_json(dynamic, "train.dynamic");
    o.timestep_strata = 4;
  }
  keys.read("timestep_strata", o.timestep_strata).finish();
  const auto require = [](bool holds, const char* key, const char* remedy) {
    if (!holds) throw UsageError("value out of range", std::string("train.") + key, remedy);
  };
  require(o.steps > 0, "steps", "give a positive number");
  require(o.batch > 0, "batch", "give a positive number");
  require(o.learning_rate > 0, "learning_rate", "give a positive number");
  require(o.warmup_steps >= 0, "warmup_steps", "give 0 or more");
  require(o.decay == "none" || o.decay == "cosine", "decay", "known are none and cosine");
  require(o.weight_decay >= 0, "weight_decay", "give 0 or more");
  require(o.gradient_clip >= 0, "gradient_clip", "give 0 or more");
  require(o.ema_decay >= 0 && o.ema_decay < 1, "ema_decay", "give a number in [0, 1)");
  require(o.label_dropout >= 0 && o.label_dropout <= 1, "label_dropout", "give a number in [0, 1]");
  require(o.noise_schedule == "linear" || o.noise_schedule == "cosine", "noise_schedule",
          "known are linear and cosine");
  require(o.record_every > 0, "record_every", "give a positive number");
  require(o.checkpoint_every > 0, "checkpoint_every", "give a positive number");
  require(o.held_out_images > 0, "held_out_images", "give a positive number");
  require(o.timestep_strata > 0 && o.timestep_strata <= 1000, "timestep_strata", "give 1 to 1000");
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
