// SPDX-License-Identifier: Apache-2.0
// A run directory: its manifest.json, a zero byte, its results.jsonl.
#include "fuzz.h"
#include "record/run_directory.h"

static void read(std::string_view manifest, std::string_view results) {
  using namespace dydit;
  fuzz::write_input("manifest.json", manifest);
  fuzz::write_input("results.jsonl", results);
  fuzz::expect_error_or_success([&] {
    const record::Run run = record::read_run(fuzz::folder());
    for (const record::Record& each : run.records) {
      const std::string line = record::to_line(each);
      if (record::to_line(record::from_line(line)) != line) __builtin_trap();
      record::cell_hash(each.study, each.axes, {}, 0);
      for (const std::string& name : each.tensors) record::safe_name(name);
    }
    // The same run can be resumed, another one says what differs.
    const record::RunDirectory same(fuzz::folder(), run.manifest);
    if (same.records().size() != run.records.size()) __builtin_trap();
  });
  fuzz::expect_error_or_success([&] {
    record::RunDirectory(fuzz::folder(), {{"identity", {{"profile", {{"seed", 1}}}}}});
  });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  const dydit::fuzz::HeapLimit limit(size, 16 << 20);
  read(input.substr(0, zero), zero == input.npos ? "" : input.substr(zero + 1));
  return 0;
}
