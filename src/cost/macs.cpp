// SPDX-License-Identifier: Apache-2.0
#include "cost/macs.h"

#include "cost/work.h"
#include "parts.h"

namespace dydit::cost {

Macs macs_of(const model::Configuration& configuration) {
  return executed(configuration, complete(configuration));
}

Activity complete(const model::Configuration& c) {
  const auto units = static_cast<double>(c.num_heads), tokens = static_cast<double>(c.tokens());
  return {std::vector<Activity::Layer>(static_cast<std::size_t>(c.depth), {units, units, tokens, units * tokens})};
}

Macs executed(const model::Configuration& configuration, const Activity& activity) {
  const auto work = work_of(configuration, activity, /*batch=*/1, /*bytes_of_number=*/1);
  const auto macs = [&](const char* part) { return total_of(work, part).macs; };
  return {.patch = macs("patch"),
          .conditioning = macs("conditioning"),
          .adaln = macs("adaln"),
          .attention = macs("attention"),
          .mlp = macs("mlp"),
          .final = macs("final"),
          .routers = macs("routers")};
}

double lambda_realised(const model::Configuration& configuration, const Activity& activity) {
  const Macs macs = executed(configuration, activity), whole = macs_of(configuration);
  return (macs.attention + macs.mlp) / (whole.attention + whole.mlp);
}

Rho rho(const model::Configuration& configuration, const Activity& activity) {
  const Macs macs = executed(configuration, activity);
  const double dense = macs_of(configuration).total();
  return {.with_routers = (macs.total() + macs.routers) / dense, .without_routers = macs.total() / dense};
}

ParameterCount parameters_of(const model::Configuration& c) {
  double weights = 0;
  for (const Part& part : parts_of(c, complete(c))) weights += part.weights;
  const auto total = static_cast<std::int64_t>(weights) + (c.num_classes + 1) * c.hidden_size;
  return {.total = total, .trainable = total - c.tokens() * c.hidden_size};
}

}  // namespace dydit::cost
