// SPDX-License-Identifier: Apache-2.0
#include "made_up_profile.h"

#include <algorithm>

#include "made_up_speed.h"
#include "temporary_folder.h"

namespace dydit::test {

using record::Record;

Record profile_cell(const std::string& engine, double keep) {
  const bool dense = engine == "dense";
  Record record{.cell = engine + std::to_string(keep),
                .study = "profile",
                .axes = {{"model", "DyDiT-S/2"},
                         {"dtype", "float32"},
                         {"batch", 8},
                         {"engine", engine},
                         {"which", dense ? "all" : "both"},
                         {"keep", dense ? 1.0 : keep},
                         {"device", "cpu"},
                         {"threads", 2}}};
  set(record, "time", dense ? 8 : 5, 0.1);
  set(record, "collected_time", dense ? 10 : 8);
  set(record, "remainder_time", 0.5);
  set(record, "lost_records", 3);
  set(record, "gmacs", dense ? 1 : 0.5);
  set(record, "product_ceiling", 1000);  // GMAC/s
  set(record, "copy_ceiling", 100);      // GB/s
  return record;
}

Record kernel_row(const std::string& engine, const std::string& range, const std::string& kernel, double time,
                  double gmacs, double bytes) {
  Record record{.cell = engine + range + kernel, .study = "kernel", .axes = profile_cell(engine).axes};
  record.axes["range"] = range;
  record.axes["kernel"] = kernel;
  set(record, "kernel_time", time);
  set(record, "kernel_calls", 2);
  if (kernel.starts_with('(')) return record;
  set(record, "kernel_gmacs", gmacs);
  set(record, "kernel_bytes", bytes);
  set(record, "kernel_bound", std::max(gmacs, bytes / 100));
  return record;
}

std::vector<Record> made_up_profile() {
  const std::string product = "void gemm<float, 128>(float const*)";
  return {kernel_row("dense", "pass/block/mlp/fc1", product, 6, 4, 20),
          kernel_row("dense", "pass/block/residual", "add", 2.5, 0, 100),
          kernel_row("dense", "pass/block", "(host)", 1),
          profile_cell("dense"),
          kernel_row("compact", "pass/block/mlp/fc1", product, 4, 2, 10),
          kernel_row("compact", "pass/block/gather", "(launch)", 2),
          kernel_row("compact", "pass/block/gather", "index<int>(int)", 0.5, 0, 40),
          kernel_row("compact", "pass/block", "(host)", 1),
          profile_cell("compact")};
}

std::vector<analysis::ProfileStudy> profile_studies_of(const std::vector<Record>& records) {
  const TemporaryFolder folder;
  return analysis::profile_studies(run_of(folder.path() / "run", records));
}

static std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line)
    if (c == '"')
      quoted = !quoted;  // a quote within a field is not told from its end
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  return fields;
}

std::vector<std::map<std::string, std::string>> read_csv(const std::string& csv) {
  std::vector<std::map<std::string, std::string>> rows;
  std::vector<std::string> names;
  for (std::size_t at = 0; at < csv.size();) {
    const std::size_t end = csv.find('\n', at);
    const auto fields = fields_of(csv.substr(at, end - at));
    at = end + 1;
    if (names.empty()) {
      names = fields;
      continue;
    }
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = fields.at(i);
  }
  return rows;
}

}  // namespace dydit::test
