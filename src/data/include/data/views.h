// SPDX-License-Identifier: Apache-2.0
// Sets made of another one: some of its samples, or all of them with grain.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"

namespace dydit::data {

/// The samples of another set, as far as a class that derives from this one says nothing else.
class View : public Dataset {
 public:
  std::int64_t size() const override { return whole_->size(); }
  std::int64_t classes() const override { return whole_->classes(); }
  Shape shape() const override { return whole_->shape(); }
  std::int64_t label(std::int64_t index) const override { return whole_->label(original(index)); }
  std::string name(std::int64_t index) const override { return whole_->name(original(index)); }
  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    whole_->read(original(index), flip, out);
  }
  std::vector<std::string> notes() const override { return whole_->notes(); }

  /// The index in the whole set.
  virtual std::int64_t original(std::int64_t index) const { return index; }

 protected:
  explicit View(std::shared_ptr<const Dataset> whole) : whole_(std::move(whole)) {}

  std::shared_ptr<const Dataset> whole_;
};

/// `count` samples spread evenly over a set, in its order (sets are sorted by class, so a beginning
/// would hold few classes).
class Subset : public View {
 public:
  /// Throws UsageError unless 1 <= count <= size.
  Subset(std::shared_ptr<const Dataset> whole, std::int64_t count);
  /// All samples but those of `held_back`, a subset of the same set.
  static Subset without(std::shared_ptr<const Dataset> whole, const Subset& held_back);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  std::string hash() const override;
  std::int64_t original(std::int64_t index) const override { return indices_.at(static_cast<std::size_t>(index)); }

 private:
  std::vector<std::int64_t> indices_;
  bool complement_ = false;  // of an even spread
};

/// A set with Gaussian grain added to every sample, a pure function of (seed, sample): detail that no
/// model can foresee. `levels` is its standard deviation in 8-bit grey levels.
class Grained : public View {
 public:
  /// Throws UsageError for negative levels.
  Grained(std::shared_ptr<const Dataset> whole, double levels, std::uint64_t seed);

  void read(std::int64_t index, bool flip, std::span<float> out) const override;
  std::string hash() const override;

 private:
  double levels_;
  std::uint64_t seed_;
};

/// A set, and behind it its mirror images in the same order.
class WithMirrored : public View {
 public:
  explicit WithMirrored(std::shared_ptr<const Dataset> whole) : View(std::move(whole)) {}

  std::int64_t size() const override { return 2 * whole_->size(); }
  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    whole_->read(original(index), flip != (index >= whole_->size()), out);
  }
  std::string hash() const override;
  /// Throws std::out_of_range.
  std::int64_t original(std::int64_t index) const override;
};

}  // namespace dydit::data
