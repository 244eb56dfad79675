// SPDX-License-Identifier: Apache-2.0
#include "cost/macs.h"

#include <limits>

namespace dydit::cost {

using model::Architecture;
using model::Kind;
using model::Part;

static double sum_of(const std::vector<Part>& parts, bool routers) {
  double macs = 0;
  for (const Part& part : parts)
    if ((part.kind == Kind::routers) == routers) macs += part.macs;
  return macs;
}

double macs_of(const std::vector<Part>& parts) { return sum_of(parts, /*routers=*/false); }

double macs_of(const Architecture& architecture) { return macs_of(architecture.parts(complete(architecture.units))); }

double lambda_realised(const Architecture& architecture, const Activity& activity) {
  double on = 0, whole = 0;
  for (const model::Term& term : architecture.skippable) {
    const std::size_t a = term.axes.front(), b = term.axes.back();
    const auto& counts = a == b ? activity.on[a] : activity.both[a][b];
    double units = static_cast<double>(counts.size());
    for (const std::size_t axis : term.axes) units *= static_cast<double>(architecture.units[axis].units);
    for (const double count : counts) on += term.macs * count / units;
    whole += term.macs;
  }
  return architecture.dynamic() ? on / whole : std::numeric_limits<double>::quiet_NaN();
}

Rho rho(const Architecture& architecture, const Activity& activity) {
  const auto parts = architecture.parts(activity);
  const double dense = macs_of(architecture), macs = macs_of(parts);
  return {.with_routers = (macs + sum_of(parts, /*routers=*/true)) / dense, .without_routers = macs / dense};
}

}  // namespace dydit::cost
