// SPDX-License-Identifier: Apache-2.0
#include "cost/cost.h"

#include <algorithm>
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

std::vector<Work> work_of(const model::Architecture& architecture, const Activity& activity, std::int64_t batch,
                          std::int64_t bytes_of_number) {
  const auto images = static_cast<double>(batch), size = static_cast<double>(bytes_of_number);
  std::vector<Work> work;
  for (const model::Part& part : architecture.parts(activity))
    work.push_back({.part = part.name,
                    .kind = part.kind,
                    .macs = images * part.macs,
                    .bytes = size * (part.weights + images * part.activations)});
  return work;
}

double macs_of(std::span<const Work> work, model::Kind kind) {
  double macs = 0;
  for (const Work& part : work)
    if (part.kind == kind) macs += part.macs;
  return macs;
}

double roofline_seconds(std::span<const Work> work, const Ceilings& ceilings) {
  double seconds = 0;
  for (const Work& part : work)
    seconds += std::max(part.macs / ceilings.macs_per_second, part.bytes / ceilings.bytes_per_second);
  return seconds;
}

}  // namespace dydit::cost
