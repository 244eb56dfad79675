// SPDX-License-Identifier: Apache-2.0
// Studies of a moment: DiTs of width 16 on made up images of 3x8x8.
#pragma once

#include <map>

#include "altered_data.h"
#include "study/study.h"
#include "temporary_folder.h"

namespace dydit::test {

/// Weights by the seed, of a size at which every layer matters; without a seed the fresh model, whose
/// output is zero.
study::Model tiny_model(const std::string& name, std::optional<std::uint64_t> seed = std::nullopt);

/// With routers of random weights: some units and tokens are on. Run by the compact engine.
study::Model dynamic_model(const std::string& name, bool first_unit_always_on = true);

std::shared_ptr<const data::Subset> synthetic(std::int64_t size);

study::Setting setting(std::vector<std::int64_t> timesteps, std::int64_t chunk);

/// A run in a folder of its own.
class StudyRun {
 public:
  StudyRun() : run(folder_.path() / "run", {{"identity", "test"}}) {}

  std::vector<record::Record> records(const std::string& model) const;
  /// A tensor of all chunks of a model's cells one after the other.
  torch::Tensor gathered(const std::string& model, const std::string& tensor) const;

 private:
  TemporaryFolder folder_;

 public:
  record::RunDirectory run;
};

/// The largest |a - b|; infinite where one of them is no number.
double distance(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace dydit::test
