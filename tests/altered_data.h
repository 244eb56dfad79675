// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "data/dataset.h"

namespace dydit::test {

/// Synthetic images of 3x8x8 in 10 classes that a test can spoil; they keep their hash.
class AlteredData final : public data::Dataset {
 public:
  explicit AlteredData(std::int64_t size)
      : inner_(data::open_dataset("synthetic:" + std::to_string(size), {.size = 8})) {}

  std::int64_t size() const override { return inner_->size(); }
  std::int64_t classes() const override { return inner_->classes(); }
  data::Shape shape() const override { return inner_->shape(); }
  std::int64_t label(std::int64_t index) const override {
    const auto found = labels.find(index);
    return found == labels.end() ? inner_->label(index) : found->second;
  }
  std::string name(std::int64_t index) const override { return inner_->name(index); }
  std::string hash() const override { return inner_->hash(); }
  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    inner_->read(index, flip, out);
    if (alter) alter(index, out);
  }

  std::function<void(std::int64_t index, std::span<float> pixels)> alter;  ///< may throw
  std::map<std::int64_t, std::int64_t> labels;                             ///< other ones

 private:
  std::unique_ptr<data::Dataset> inner_;
};

}  // namespace dydit::test
