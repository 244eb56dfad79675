// SPDX-License-Identifier: Apache-2.0
#include "train/dynamic_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/keys.h"
#include "train/bounds.h"

namespace dydit::train {

using Json = nlohmann::ordered_json;

Json to_json(const DynamicOptions& o) {
  return {{"lambda", o.lambda},
          {"decide", o.decide},
          {"skip", o.skip},
          {"order", o.order},
          {"hold_steps", o.hold_steps},
          {"target_warmup_steps", o.target_warmup_steps},
          {"complete_steps", o.complete_steps},
          {"settle_steps", o.settle_steps},
          {"flops_weight", o.flops_weight},
          {"temperature", o.temperature},
          {"width_bias", o.width_bias},
          {"token_bias", o.token_bias}};
}

DynamicOptions dynamic_options_from_json(const Json& json, const std::string& where) {
  DynamicOptions o;
  Keys keys(json, where);
  keys.read("lambda", o.lambda, bounds::lambda);
  keys.read("decide", o.decide).read("skip", o.skip).read("order", o.order);
  keys.read("hold_steps", o.hold_steps, bounds::phase_steps);
  keys.read("target_warmup_steps", o.target_warmup_steps, bounds::phase_steps);
  keys.read("complete_steps", o.complete_steps, bounds::phase_steps);
  keys.read("settle_steps", o.settle_steps, bounds::phase_steps);
  keys.read("flops_weight", o.flops_weight, bounds::flops_weight);
  keys.read("temperature", o.temperature, bounds::temperature);
  keys.read("width_bias", o.width_bias, bounds::router_bias);
  keys.read("token_bias", o.token_bias, bounds::router_bias).finish();
  const auto require = [&](bool holds, const char* key, const std::string& remedy) {
    if (!holds) throw UsageError("wrong choice", where + "." + key, remedy);
  };
  const auto require_known = [&](const std::string& value, const char* key,
                                 const std::vector<std::string>& known) {
    require(std::find(known.begin(), known.end(), value) != known.end(), key,
            fmt::format("known are {}", fmt::join(known, ", ")));
  };
  require_known(o.decide, "decide", {"routers", "chance", "static"});
  require_known(o.skip, "skip", {"both", "widths", "tokens"});
  require_known(o.order, "order", {"none", "magnitude", "taylor", "random"});
  require(o.decide != "static" || o.skip == "widths", "skip", "static skipping is of widths");
  return o;
}

double lambda_target(const DynamicOptions& o, std::int64_t step) {
  if (step < o.hold_steps) return 1;
  const auto warmup = static_cast<double>(std::max<std::int64_t>(1, o.target_warmup_steps));
  return std::lerp(1.0, o.lambda, std::min(1.0, static_cast<double>(step - o.hold_steps + 1) / warmup));
}

}  // namespace dydit::train
