// SPDX-License-Identifier: Apache-2.0
#include "data/views.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"

namespace dydit::data {

Subset::Subset(std::shared_ptr<const Dataset> whole, std::int64_t count) : View(std::move(whole)) {
  if (count < 1 || count > whole_->size())
    throw UsageError(fmt::format("{} images of a set of {}", count, whole_->size()), "",
                     fmt::format("ask for 1 to {}", whole_->size()));
  for (std::int64_t i = 0; i < count; ++i) indices_.push_back(i * whole_->size() / count);
}

Subset Subset::without(std::shared_ptr<const Dataset> whole, const Subset& held_back) {
  Subset rest(whole, whole->size());
  const std::set<std::int64_t> back(held_back.indices_.begin(), held_back.indices_.end());
  std::erase_if(rest.indices_, [&](std::int64_t index) { return back.contains(index); });
  if (rest.indices_.empty()) throw UsageError("no image is left beside those held back");
  rest.complement_ = true;
  return rest;
}

std::string Subset::hash() const {
  return hash_of(fmt::format("{} {}{}", whole_->hash(), size(), complement_ ? " complement" : ""));
}

Grained::Grained(std::shared_ptr<const Dataset> whole, double levels, std::uint64_t seed)
    : View(std::move(whole)), levels_(levels), seed_(seed) {
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

std::string WithMirrored::hash() const { return hash_of(whole_->hash() + " with mirrored"); }

std::int64_t WithMirrored::original(std::int64_t index) const {
  if (index < 0 || index >= size()) throw std::out_of_range("no such sample");
  return index % whole_->size();
}

}  // namespace dydit::data
