// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "data/dataset.h"

namespace dydit::data {

/// A set with Gaussian grain added to every sample, a pure function of (seed, sample): detail that no
/// model can foresee. `levels` is its standard deviation in 8-bit grey levels.
class Grained : public Dataset {
 public:
  /// Throws UsageError for negative levels.
  Grained(std::shared_ptr<const Dataset> whole, double levels, std::uint64_t seed);

  std::int64_t size() const override { return whole_->size(); }
  std::int64_t classes() const override { return whole_->classes(); }
  Shape shape() const override { return whole_->shape(); }
  std::int64_t label(std::int64_t index) const override { return whole_->label(index); }
  std::string name(std::int64_t index) const override { return whole_->name(index); }
  void read(std::int64_t index, bool flip, std::span<float> out) const override;
  std::string hash() const override;
  std::vector<std::string> notes() const override { return whole_->notes(); }

 private:
  std::shared_ptr<const Dataset> whole_;
  double levels_;
  std::uint64_t seed_;
};

}  // namespace dydit::data
