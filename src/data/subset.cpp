// SPDX-License-Identifier: Apache-2.0
#include "data/subset.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/hash.h"

namespace dydit::data {

Subset::Subset(std::shared_ptr<const Dataset> whole, std::int64_t count) : whole_(std::move(whole)) {
  if (count < 1 || count > whole_->size())
    throw UsageError(fmt::format("{} images of a set of {}", count, whole_->size()), "",
                     fmt::format("ask for 1 to {}", whole_->size()));
  for (std::int64_t i = 0; i < count; ++i) indices_.push_back(i * whole_->size() / count);
}

std::string Subset::hash() const { return hash_of(fmt::format("{} {}", whole_->hash(), size())); }

}  // namespace dydit::data
