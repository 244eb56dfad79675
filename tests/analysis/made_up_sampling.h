// SPDX-License-Identifier: Apache-2.0
// Records of a made-up study of sampling.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "record/record.h"

namespace dydit::test {

struct MadeSampling {
  std::string engine = "dense", cache = "none", sampler = "ddim";
  std::int64_t steps = 50;
  double share = 1;  ///< of the product of the separate speedups
  std::optional<double> keep = std::nullopt;
  std::string model = "DyDiT-S/2";
  std::optional<double> frechet = std::nullopt;  ///< of 100 images, a tenth up and down
};

/// Without metrics.
record::Record record_of(const MadeSampling& made);

/// The complete model takes 20 ms and 6 GMACs a step for each image, 12 GMACs with guidance. An engine other than the
/// dense one keeps half of the MACs (or `keep`), a cache runs half of them, and both take a tenth more time than that.
/// So far the speedup is the product; it is `share` of it. Intervals reach a hundredth up and down.
record::Record sampled(const MadeSampling& made);

/// The dense and another engine with and without "fora:2", by ddim in 50 steps and dpmpp in 10; combinations reach
/// `share` of their products.
std::vector<record::Record> combinations(double share, const std::string& model = "DyDiT-S/2",
                                         const std::string& engine = "compact");

/// The page of a run of these records.
std::string page_of(const std::vector<record::Record>& records);

}  // namespace dydit::test
