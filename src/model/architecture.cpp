// SPDX-License-Identifier: Apache-2.0
#include "model/architecture.h"

namespace dydit::model {

Activity Activity::of_one(std::vector<std::vector<double>> on) {
  Activity activity{.on = std::move(on), .both = {}};
  for (const auto& a : activity.on) {
    auto& row = activity.both.emplace_back();
    for (const auto& b : activity.on) {
      auto& products = row.emplace_back();
      if (a.size() != b.size()) continue;
      for (std::size_t layer = 0; layer < a.size(); ++layer) products.push_back(a[layer] * b[layer]);
    }
  }
  return activity;
}

static void move(std::vector<double>& mean, const std::vector<double>& more, double share) {
  mean.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) mean[i] += share * (more[i] - mean[i]);
}

void Activity::mix(const Activity& more, double share) {
  on.resize(more.on.size());
  both.resize(more.both.size());
  for (std::size_t a = 0; a < on.size(); ++a) {
    move(on[a], more.on[a], share);
    both[a].resize(more.both[a].size());
    for (std::size_t b = 0; b < both[a].size(); ++b) move(both[a][b], more.both[a][b], share);
  }
}

Activity complete(const std::vector<UnitAxis>& units) {
  std::vector<std::vector<double>> on;
  for (const UnitAxis& axis : units)
    on.emplace_back(static_cast<std::size_t>(axis.layers), static_cast<double>(axis.units));
  return Activity::of_one(std::move(on));
}

nlohmann::ordered_json to_json(const std::vector<UnitAxis>& units) {
  auto all = nlohmann::ordered_json::array();
  for (const UnitAxis& axis : units)
    all.push_back({{"name", axis.name},
                   {"label", axis.label},
                   {"layers", axis.layers},
                   {"units", axis.units},
                   {"first_on", axis.first_on},
                   {"scope", axis.scope == Scope::timestep ? "timestep" : "token"}});
  return all;
}

}  // namespace dydit::model
