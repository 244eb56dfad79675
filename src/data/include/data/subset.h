// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"

namespace dydit::data {

/// `count` samples spread evenly over a set, in its order (sets are sorted by class, so a beginning
/// would hold few classes).
class Subset : public Dataset {
 public:
  /// Throws UsageError unless 1 <= count <= size.
  Subset(std::shared_ptr<const Dataset> whole, std::int64_t count);
  /// All samples but those of `held_back`, a subset of the same set.
  static Subset without(std::shared_ptr<const Dataset> whole, const Subset& held_back);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  std::int64_t classes() const override { return whole_->classes(); }
  Shape shape() const override { return whole_->shape(); }
  std::int64_t label(std::int64_t index) const override { return whole_->label(original(index)); }
  std::string name(std::int64_t index) const override { return whole_->name(original(index)); }
  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    whole_->read(original(index), flip, out);
  }
  std::string hash() const override;
  std::vector<std::string> notes() const override { return whole_->notes(); }

  /// The index in the whole set.
  std::int64_t original(std::int64_t index) const { return indices_.at(static_cast<std::size_t>(index)); }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int64_t> indices_;
  bool complement_ = false;  // of an even spread
};

}  // namespace dydit::data
