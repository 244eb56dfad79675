// SPDX-License-Identifier: Apache-2.0
// Results of Google Benchmark: --benchmark_out_format=json.
#include <fmt/format.h>

#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "formats.h"

namespace dydit::compare {

namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> units{
    {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}}};

double seconds_in(const std::string& unit, const Where& where) {
  for (const auto& [name, seconds] : units)
    if (name == unit) return seconds;
  throw where.error(fmt::format("unknown unit of time \"{}\"", unit), "ns, us, ms and s are known");
}

// Rates and times vary; these do not, or hardly (INSTRUCTIONS of --benchmark_perf_counters).
constexpr std::array counters{"allocs_per_iter", "max_bytes_used", "total_allocated_bytes", "INSTRUCTIONS"};

}  // namespace

ProcessRun read_google_benchmark(const Json& file, const std::string& path, const Reading& reading) {
  std::map<std::string, Gathered> gathered;
  std::set<std::string> with_iterations;
  std::set<std::tuple<std::string, std::int64_t, bool>> seen;
  const auto& rows = file.at("benchmarks");
  const char* const quantity = reading.clock == Clock::real ? "real_time" : "cpu_time";
  std::vector<std::string> counts(counters.begin(), counters.end());
  counts.insert(counts.end(), reading.counts.begin(), reading.counts.end());
  // Where only aggregates were written, their median is the time.
  for (const bool aggregates : {false, true})
    for (const Json& row : rows) {
      if (!row.is_object()) throw InputError("not a benchmark", path, "expected an object");
      const bool is_aggregate = text_or(row, "run_type", "iteration") == "aggregate";
      if (is_aggregate != aggregates) continue;
      std::string name = text_or(row, "run_name", text_or(row, "name", ""));
      const Where where{path, name};
      if (name.empty()) throw where.error("a benchmark without a name", "expected run_name or name");
      if (aggregates) {
        if (with_iterations.contains(name) || text_or(row, "aggregate_name", "") != "median") continue;
      } else {
        with_iterations.insert(name);
      }
      const std::int64_t repetition = row.contains("repetition_index") ? whole(row, "repetition_index", where) : -1;
      if (!seen.emplace(name, repetition, aggregates).second)
        throw where.error("two benchmarks of one name", "give each a name of its own, and each process run a file");
      Gathered& one = gathered[name];
      if (row.value("error_occurred", Json(false)) == Json(true)) {
        one.error = fmt::format("failed: {}", text_or(row, "error_message", "no message"));
        continue;
      }
      if (row.value("skipped", Json(false)) == Json(true)) {  // from 1.8 on; its times are 0
        one.error = fmt::format("skipped: {}", text_or(row, "skip_message", "no message"));
        continue;
      }
      const double unit = seconds_in(text_or(row, "time_unit", "ns"), where);
      one.quantity = quantity;
      one.add_time(unit * number(row, quantity, where), where);
      for (const std::string& counter : counts)
        if (row.contains(counter)) one.add_count(counter, number(row, counter.c_str(), where));
    }
  if (gathered.empty() && !rows.empty())
    throw InputError("no benchmark in it", path, "of aggregates alone the median is read");
  return run_of(gathered);
}

}  // namespace dydit::compare
