// SPDX-License-Identifier: Apache-2.0
// Studies of a moment: DiTs of width 16 on made up images of 3x8x8.
#pragma once

#include <map>

#include "altered_data.h"
#include "dit/engines.h"
#include "study/catalog.h"
#include "study/speed.h"
#include "temporary_folder.h"

namespace dydit::test {

/// Weights by the seed, of a size at which every layer matters; without a seed the fresh model, whose
/// output is zero.
study::Model tiny_model(const std::string& name, std::optional<std::uint64_t> seed = std::nullopt);

/// With routers of random weights: some units and tokens are on. Run by the compact engine.
study::Model dynamic_model(const std::string& name, bool first_unit_always_on = true);

/// The DiT in a model.
dit::DiT dit_of(const study::Model& model);

/// What is there without a test: the DiT family, the axes and the studies.
const study::Catalog& catalog();

std::shared_ptr<const data::Subset> synthetic(std::int64_t size);

study::Setting setting(std::vector<double> times, std::int64_t chunk);

/// The study of that name.
void run_study(const std::string& name, std::vector<study::Model>& models,
               const std::shared_ptr<const data::Subset>& images, const study::Setting& setting,
               record::RunDirectory* run, std::int64_t draws = 1);

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
