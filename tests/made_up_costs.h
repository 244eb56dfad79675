// SPDX-License-Identifier: Apache-2.0
// A run of costs with made-up times.
#pragma once

#include "record/manifest.h"
#include "record/metric.h"
#include "record/run_directory.h"
#include "study/costs.h"
#include "temporary_folder.h"

namespace dydit::test {

/// A block of the compact engine in float32 with two threads, at batch 2, takes so many milliseconds with 1, 2 ...
/// units on of each axis that the timestep decides about.
class MadeUpCosts {
 public:
  MadeUpCosts(const model::Architecture& of, const std::vector<double>& milliseconds,
              const record::Json& more = record::Json::object()) {
    using record::Json;
    Json manifest{
        {"identity", "test"}, {"block", study::describe_block(of)}, {"machine", record::machine_description()}};
    manifest.update(more);
    record::RunDirectory run(path(), manifest);
    for (const model::UnitAxis& axis : of.units)
      for (std::size_t i = 0; axis.scope == model::Scope::timestep && i < milliseconds.size(); ++i) {
        const Json axes{{"model", "made up"}, {"dtype", "float32"}, {"batch", 2},      {"engine", "compact"},
                        {"unit", axis.name},  {"on", i + 1},        {"device", "cpu"}, {"threads", 2}};
        record::Record record{.cell = record::cell_hash("costs", axes, {}, 0), .study = "costs", .axes = axes};
        record.metrics["block_time"] = record::measured("block_time", milliseconds[i]);
        run.append(record);
      }
  }
  std::string path() const { return folder_.path() / "costs"; }

 private:
  TemporaryFolder folder_;
};

}  // namespace dydit::test
