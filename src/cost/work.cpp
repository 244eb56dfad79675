// SPDX-License-Identifier: Apache-2.0
#include "cost/work.h"

#include <algorithm>

namespace dydit::cost {

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

Work total_of(std::span<const Work> work, std::string_view part) {
  Work total{.part = std::string(part)};
  for (const Work& each : work) {
    if (each.part.substr(0, each.part.find('.')) != part && each.part != part) continue;
    total.macs += each.macs;
    total.bytes += each.bytes;
  }
  return total;
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
