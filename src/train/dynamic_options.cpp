// SPDX-License-Identifier: Apache-2.0
#include "train/dynamic_options.h"

#include <algorithm>
#include <cmath>

#include "train/bounds.h"

namespace dydit::train {

const Schema<DynamicOptions>& dynamic_schema() {
  using O = DynamicOptions;
  static const auto schema =
      Schema<O>()
          .add("lambda", &O::lambda, bounds::lambda, "share of the blocks' MACs that a dynamic model aims at")
          .add("decide", &O::decide, {"routers", "chance", "static"}, "what to skip: routers (learned), chance or static")
          .add("skip", &O::skip, {"both", "widths", "tokens"}, "both, widths (heads and channel groups) or tokens")
          .add("order", &O::order, {"none", "magnitude", "taylor", "random"}, "sort heads and channels before, by importance")
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

}  // namespace dydit::train
