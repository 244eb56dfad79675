// SPDX-License-Identifier: Apache-2.0
// Records of a made-up sweep.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "record/run_directory.h"

namespace dydit::test {

struct Made {
  std::string engine, which;
  double keep;
  std::int64_t batch;
  std::string model = "DyDiT-S/2";
};

/// Without metrics.
record::Record record_of(const Made& made);

void set(record::Record& record, const char* name, double value, double half_width = 0);

/// The dense model takes 100 ms and 6 GMACs for each image; what skips keeps rho = keep, and realises 0.96 of it in
/// engines other than the masked one, which takes 120 ms. Of the gap of those fixed parts take twice, and the narrow
/// products give back a quarter; unexplained is what is left. A hundredth of the dense time is its own misfit. The
/// intervals of all bars reach a hundredth up and down.
record::Record measured(const Made& made);

std::vector<record::Record> sweep(const std::vector<std::string>& engines, const std::vector<std::string>& ways,
                                  const std::string& model = "DyDiT-S/2");

/// A run of these records, whose manifest has `more` entries.
std::vector<record::Run> run_of(const std::filesystem::path& path, const std::vector<record::Record>& records,
                                const record::Json& more = record::Json::object());

}  // namespace dydit::test
