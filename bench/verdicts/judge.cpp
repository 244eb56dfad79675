// SPDX-License-Identifier: Apache-2.0
// Verdicts of dydit compare on comparisons that prove.py made up from a pool, or of --collect on as many process runs
// as it asks for:
//   dydit_judge suites.jsonl verdicts.jsonl [--sequential] [--threshold SHARE]
// A suite is {"base": {benchmark: [ns of each process run]}, "candidate": {the same}}; of it comes
// {benchmark: [verdict, p, log of the ratio, runs needed or 0, process runs a side]}.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "compare/sequential.h"

namespace {

using namespace dydit;
using Json = nlohmann::json;

compare::Results results_of(const Json& side, std::size_t runs) {
  compare::Results results{.path = "pool", .runs = {}, .notes = {}};
  results.runs.resize(runs);
  for (const auto& [name, times] : side.items())
    for (std::size_t i = 0; i < runs; ++i)
      results.runs[i][name] = {.seconds = 1e-9 * times.at(i).get<double>(), .counts = {}, .error = {}};
  return results;
}

compare::Comparison judged(const Json& suite, const compare::Rule& rule, bool sequential) {
  const Json &base = suite.at("base"), &candidate = suite.at("candidate");
  const std::size_t runs = base.front().size();
  if (!sequential) return compare::compare(results_of(base, runs), results_of(candidate, runs), rule);
  compare::Sequential looks(rule, static_cast<int>(runs));
  while (looks.next() > 0 && !looks.decided()) {
    const auto n = static_cast<std::size_t>(looks.next());
    looks.look(results_of(base, n), results_of(candidate, n));
  }
  return looks.comparison();
}

int run(int argc, char** argv) {
  if (argc < 3) throw UsageError("two files are needed", "dydit_judge", "suites.jsonl verdicts.jsonl");
  compare::Rule rule;
  bool sequential = false;
  for (int i = 3; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--sequential") sequential = true;
    if (option == "--threshold") rule.threshold = std::stod(argv[++i]);
  }
  std::ifstream suites(argv[1]);
  std::ofstream out(argv[2]);
  for (std::string line; std::getline(suites, line);) {
    Json verdicts = Json::object();
    for (const compare::Compared& one : judged(Json::parse(line), rule, sequential).benchmarks)
      verdicts[one.name] = {compare::name_of(one.verdict), one.p.value_or(1), std::log(one.ratio.value_or(1)),
                            one.runs_needed.value_or(0), one.base.size()};
    out << verdicts.dump() << '\n';
  }
  return out.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& error) {
  fmt::print(stderr, "dydit_judge: {}\n", error.what());
  return 1;
}
