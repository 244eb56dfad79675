// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/keys.h"
#include "train/bounds.h"

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
  keys.read("steps", o.steps, bounds::steps).read("batch", o.batch, bounds::batch);
  keys.read("learning_rate", o.learning_rate, bounds::learning_rate);
  keys.read("warmup_steps", o.warmup_steps, bounds::warmup_steps).read("decay", o.decay);
  keys.read("weight_decay", o.weight_decay, bounds::weight_decay);
  keys.read("gradient_clip", o.gradient_clip, bounds::gradient_clip);
  keys.read("ema_decay", o.ema_decay, bounds::ema_decay);
  keys.read("label_dropout", o.label_dropout, bounds::label_dropout);
  keys.read("flip", o.flip).read("bfloat16", o.bfloat16).read("noise_schedule", o.noise_schedule);
  keys.read("record_every", o.record_every, bounds::record_every);
  keys.read("checkpoint_every", o.checkpoint_every, bounds::checkpoint_every);
  keys.read("held_out_images", o.held_out_images, bounds::held_out_images);
  if (const Json dynamic = keys.take("dynamic"); !dynamic.is_null()) {
    o.dynamic = dynamic_options_from_json(dynamic, "train.dynamic");
    o.timestep_strata = 4;
  }
  keys.read("timestep_strata", o.timestep_strata, bounds::timestep_strata).finish();
  const auto require = [](bool holds, const char* key, const char* remedy) {
    if (!holds) throw UsageError("wrong choice", std::string("train.") + key, remedy);
  };
  require(o.decay == "none" || o.decay == "cosine", "decay", "known are none and cosine");
  require(o.noise_schedule == "linear" || o.noise_schedule == "cosine", "noise_schedule",
          "known are linear and cosine");
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
