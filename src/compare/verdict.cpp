// SPDX-License-Identifier: Apache-2.0
#include "compare/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "compare/statistics.h"

namespace dydit::compare {

namespace {

constexpr int most_a_side = 1000;
constexpr int fewest = 3;  // process runs a side
constexpr int most_runs = 300, fewest_telling = 10;
constexpr double power = 0.8, sure = 0.9;

struct Side {
  std::vector<double> seconds = {};
  std::map<std::string, std::vector<double>> counts = {};
  std::string error = {};  // of any run
  int missing = 0;         // runs without it
};

std::map<std::string, Side> sides_of(const Results& results) {
  std::map<std::string, Side> sides;
  for (const ProcessRun& run : results.runs)
    for (const auto& [name, measured] : run) {
      Side& side = sides[name];
      if (measured.seconds) side.seconds.push_back(*measured.seconds);
      if (!measured.error.empty()) side.error = measured.error;
      for (const auto& [count, value] : measured.counts) side.counts[count].push_back(value);
    }
  for (auto& [name, side] : sides)
    for (const ProcessRun& run : results.runs) side.missing += !run.contains(name);
  return sides;
}

std::array<double, 2> range_of(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  return {least, most};
}

// Why the times of a benchmark say nothing, whatever they are; nothing where they may.
std::string obstacle(const Side& base, const Side& candidate) {
  if (!base.error.empty()) return fmt::format("in the base {}", base.error);
  if (!candidate.error.empty()) return fmt::format("in the candidate {}", candidate.error);
  if (base.missing > 0 || candidate.missing > 0)
    return fmt::format("missing in {} runs", base.missing + candidate.missing);
  if (std::ssize(base.seconds) < fewest || std::ssize(candidate.seconds) < fewest)
    return fmt::format("{} and {} process runs: at least {} a side are needed", base.seconds.size(),
                       candidate.seconds.size(), fewest);
  return {};
}

Compared paired(const std::string& name, const Side& base, const Side& candidate, const Rule& rule) {
  Compared one{.name = name, .reason = obstacle(base, candidate), .base = base.seconds, .candidate = candidate.seconds};
  for (const auto& [count, values] : base.counts)
    if (const auto other = candidate.counts.find(count); other != candidate.counts.end())
      one.counts.push_back({.name = count,
                            .base = range_of(values),
                            .candidate = range_of(other->second),
                            .gated = std::ranges::find(rule.gated, count) != rule.gated.end()});
  return one;
}

// A benchmark whose times can be compared.
struct Tested {
  Compared* compared;
  Shift shift;
  double level = 0;  // of its step in Holm's procedure
  bool changed = false;
};

// Holm's procedure: the smallest p against alarms / m, the next against alarms / (m - 1), and so on until one fails.
void correct(std::vector<Tested>& tested, double alarms) {
  std::vector<Tested*> order;
  for (Tested& one : tested) order.push_back(&one);
  std::ranges::stable_sort(order, {}, [](const Tested* one) { return one->shift.p(); });
  bool rejecting = true;
  double level = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (rejecting) level = alarms / static_cast<double>(order.size() - i);
    rejecting = rejecting && order[i]->shift.p() <= level;
    order[i]->level = level;
    order[i]->changed = rejecting;
  }
}

// Process runs a side that would tell as much as these do, where one side has more.
double runs_of(const Compared& one) {
  const auto n = static_cast<double>(one.base.size()), m = static_cast<double>(one.candidate.size());
  return 2 * n * m / (n + m);
}

// Probability of a verdict with `runs` new process runs a side, as far as the present ones say where the true value is
// and how they spread.
double told_with(int runs, const Tested& now, double error, const Rule& rule) {
  const double limit = std::log1p(rule.threshold), value = now.shift.value();
  const double error_then = error * std::sqrt(runs_of(*now.compared) / runs), width = std::hypot(error, error_then);
  const auto below = [&](double x) { return normal_below((x - value) / width); };
  const double beyond = std::max(limit, normal_quantile(1 - now.level / 2) * error_then);
  const double within = limit - normal_quantile(1 - rule.same_level / 2) * error_then;
  return 1 - below(beyond) + below(-beyond) + (within > 0 ? below(within) - below(-within) : 0);
}

// Process runs a side that would probably tell; nothing where not even many would.
std::optional<int> runs_needed(const Tested& now, const Rule& rule) {
  const double error = now.shift.error();
  if (!std::isfinite(error)) return fewest_telling;
  for (int runs = static_cast<int>(runs_of(*now.compared)) + 1; runs <= most_runs; ++runs)
    if (told_with(runs, now, error, rule) >= sure)
      for (;; ++runs)  // so many that they can tell at all
        if (const auto n = static_cast<std::size_t>(runs); smallest_level(n, n) <= now.level) return runs;
  return {};
}

void decide(const Tested& one, const Rule& rule) {
  Compared& c = *one.compared;
  const double value = one.shift.value(), error = one.shift.error(), limit = std::log1p(rule.threshold);
  const auto [low, high] = one.shift.interval(one.level);
  c.ratio = std::exp(value);
  c.interval = {std::exp(low), std::exp(high)};
  c.p = one.shift.p();
  const double found = (high - low) / 2;
  c.detectable = std::expm1(std::max(found, limit) + normal_quantile(power) * error);
  if (one.changed && std::abs(value) > limit)
    c.verdict = value > 0 ? Verdict::slower : Verdict::faster;
  else if (one.shift.within(limit, rule.same_level))
    c.verdict = Verdict::same;
  if (c.verdict != Verdict::cannot_tell) return;
  c.runs_needed = runs_needed(one, rule);
  const double spread = 100 * error * std::sqrt(runs_of(c) / 2);
  c.reason = one.changed              ? fmt::format("a change, but of less than {:g} %", 100 * rule.threshold)
             : !std::isfinite(spread) ? std::string("too few process runs")
                                      : fmt::format("varies by {:.2g} % between process runs", spread);
  if (!c.runs_needed) c.reason += fmt::format(", {} a side would not tell", most_runs);
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::same:
      return "same";
    case Verdict::slower:
      return "slower";
    case Verdict::faster:
      return "faster";
    case Verdict::cannot_tell:
      break;
  }
  return "cannot-tell";
}

std::vector<std::string> Rule::default_gate() {
  return {"gmacs",        "sampling_gmacs",  "passes",         "full_passes",
          "kernel_calls", "weight_memory",   "cache_memory",   "activation_memory",
          "allocations",  "allocs_per_iter", "max_bytes_used", "total_allocated_bytes"};
}

int Comparison::risen() const {
  int risen = 0;
  for (const Compared& one : benchmarks)
    risen += static_cast<int>(std::ranges::count_if(one.counts, [](const Count& c) { return c.gated && c.rose(); }));
  return risen;
}

int Comparison::count(Verdict verdict) const {
  return static_cast<int>(std::ranges::count(benchmarks, verdict, &Compared::verdict));
}

Comparison compare(const Results& base, const Results& candidate, const Rule& rule) {
  Comparison comparison{.rule = rule, .benchmarks = {}, .notes = {}};
  for (const Results* results : {&base, &candidate})
    comparison.notes.insert(comparison.notes.end(), results->notes.begin(), results->notes.end());
  for (const Results* results : {&base, &candidate})
    if (std::ssize(results->runs) > most_a_side)
      throw InputError(fmt::format("{} process runs", results->runs.size()), results->path.string(),
                       fmt::format("at most {} a side are compared", most_a_side));
  const auto before = sides_of(base), after = sides_of(candidate);
  for (const auto& [name, side] : before)
    if (const auto other = after.find(name); other != after.end())
      comparison.benchmarks.push_back(paired(name, side, other->second, rule));
    else
      comparison.notes.push_back(fmt::format("{} is in the base alone", name));
  for (const auto& [name, side] : after)
    if (!before.contains(name)) comparison.notes.push_back(fmt::format("{} is in the candidate alone", name));
  if (comparison.benchmarks.empty())
    throw InputError("no benchmark is on both sides", candidate.path.string(),
                     fmt::format("compare it with other results than {}", base.path.string()));
  std::vector<Tested> tested;
  for (Compared& one : comparison.benchmarks)
    if (one.reason.empty()) tested.push_back({&one, Shift(one.base, one.candidate)});
  correct(tested, rule.alarms);
  for (const Tested& one : tested) decide(one, rule);
  return comparison;
}

}  // namespace dydit::compare
