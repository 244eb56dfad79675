// SPDX-License-Identifier: Apache-2.0
#include "data/subset.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/hash.h"

namespace dydit::data {

Subset::Subset(std::shared_ptr<const Dataset> whole, std::int64_t count) : whole_(std::move(whole)) {
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

}  // namespace dydit::data
