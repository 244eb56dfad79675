// SPDX-License-Identifier: Apache-2.0
// Results of benchmarks: JSON of Google Benchmark or nvbench of the base, a zero byte, that of the candidate, which is
// the base's where there is none. Each stands for three process runs, so that there are verdicts.
#include <nlohmann/json.hpp>

#include "compare/report.h"
#include "fuzz.h"

namespace {

using namespace dydit;

compare::Results results_of(std::string_view text, const char* name) {
  return {.path = name, .runs = std::vector(3, compare::read_json(text, name)), .notes = {}};
}

void show(const compare::Comparison& comparison) {
  using enum compare::Verdict;
  int verdicts = 0;
  for (const compare::Verdict verdict : {cannot_tell, same, slower, faster}) verdicts += comparison.count(verdict);
  if (verdicts != std::ssize(comparison.benchmarks)) __builtin_trap();
  for (const compare::Format& format : compare::formats) {
    const std::string text = format.text_of(comparison);
    if (!text.ends_with('\n')) __builtin_trap();
    if ((format.name == "json" || format.name == "bmf" || format.name == "smaller-is-better") &&
        !nlohmann::json::accept(text))
      __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  const std::string_view base = input.substr(0, zero), candidate = zero == input.npos ? base : input.substr(zero + 1);
  const fuzz::HeapLimit limit(size, 64 << 20);
  fuzz::expect_error_or_success(
      [&] { show(compare::compare(results_of(base, "base"), results_of(candidate, "candidate"))); });
  fuzz::expect_error_or_success(
      [&] { compare::read_json(base, "base", {.clock = compare::Clock::cpu, .counts = {"count"}}); });
  return 0;
}
