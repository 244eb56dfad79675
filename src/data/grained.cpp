// SPDX-License-Identifier: Apache-2.0
#include "data/grained.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"

namespace dydit::data {

Grained::Grained(std::shared_ptr<const Dataset> whole, double levels, std::uint64_t seed)
    : whole_(std::move(whole)), levels_(levels), seed_(seed) {
  if (!(levels_ >= 0) || !std::isfinite(levels_))
    throw UsageError("grain out of range", fmt::format("{}", levels_), "give grey levels, 0 or more");
}

void Grained::read(std::int64_t index, bool flip, std::span<float> out) const {
  whole_->read(index, flip, out);
  std::vector<float> grain(out.size());
  Random(seed_, Purpose::grain, static_cast<std::uint64_t>(index)).fill_normal(grain);
  const auto scale = static_cast<float>(levels_ / 127.5);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += scale * grain[i];
}

std::string Grained::hash() const { return hash_of(fmt::format("{} {} {}", whole_->hash(), levels_, seed_)); }

}  // namespace dydit::data
