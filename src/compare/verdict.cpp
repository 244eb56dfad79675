// SPDX-License-Identifier: Apache-2.0
#include "compare/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "compare/statistics.h"

namespace dydit::compare {

namespace {

constexpr int fewest_asked = 10, most_asked = 300;
constexpr double power = 0.8, sure = 0.9;

struct Side {
  std::vector<double> seconds = {};
  std::map<std::string, std::array<double, 2>> counts = {};
  std::set<std::string> quantities = {};
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
      if (measured.seconds) side.quantities.insert(measured.quantity);
      for (const auto& [count, range] : measured.counts) {
        const auto [known, is_new] = side.counts.try_emplace(count, range);
        known->second = {std::min(known->second[0], range[0]), std::max(known->second[1], range[1])};
      }
    }
  for (auto& [name, side] : sides)
    for (const ProcessRun& run : results.runs) side.missing += !run.contains(name);
  return sides;
}

// Why the times of a benchmark say nothing, whatever they are; nothing where they may.
std::string obstacle(const Side& base, const Side& candidate) {
  if (!base.error.empty()) return fmt::format("in the base {}", base.error);
  if (!candidate.error.empty()) return fmt::format("in the candidate {}", candidate.error);
  if (base.missing > 0 || candidate.missing > 0)
    return fmt::format("missing in {} runs", base.missing + candidate.missing);
  std::set<std::string> quantities = base.quantities;
  quantities.insert(candidate.quantities.begin(), candidate.quantities.end());
  if (quantities.size() > 1) return fmt::format("its times are not alike: {}", fmt::join(quantities, ", "));
  return {};
}

Compared paired(const std::string& name, const Side& base, const Side& candidate, std::span<const std::string> gate) {
  Compared one{.name = name, .reason = obstacle(base, candidate), .base = base.seconds, .candidate = candidate.seconds};
  for (const auto& [count, range] : base.counts)
    if (const auto other = candidate.counts.find(count); other != candidate.counts.end())
      one.counts.push_back({.name = count,
                            .base = range,
                            .candidate = other->second,
                            .gated = std::ranges::find(gate, count) != gate.end()});
  return one;
}

// Of what is on one side alone, how many.
void note_counts_of_one_side(const std::map<std::string, Side>& base, const std::map<std::string, Side>& candidate,
                             std::vector<std::string>& notes) {
  std::map<std::pair<std::string, const char*>, int> alone;
  const auto without = [&](const std::map<std::string, Side>& sides, const std::map<std::string, Side>& others,
                           const char* of) {
    for (const auto& [name, side] : sides)
      if (const auto other = others.find(name); other != others.end())
        for (const auto& [count, range] : side.counts) alone[{count, of}] += !other->second.counts.contains(count);
  };
  without(base, candidate, "base");
  without(candidate, base, "candidate");
  for (const auto& [what, benchmarks] : alone)
    if (benchmarks > 0)
      notes.push_back(fmt::format("the count {} of {} {} is in the {} alone", what.first, benchmarks,
                                  benchmarks == 1 ? "benchmark" : "benchmarks", what.second));
}

void require_gated(const std::vector<Compared>& benchmarks, const Rule& rule, const std::string& where) {
  std::set<std::string> known;
  for (const Compared& one : benchmarks)
    for (const Count& count : one.counts) known.insert(count.name);
  for (const std::string& count : rule.gated)
    if (!known.contains(count))
      throw InputError(fmt::format("no benchmark has the count {} on both sides", count), where,
                       known.empty() ? "no other is read" : fmt::format("there are {}", fmt::join(known, ", ")));
}

// Of what varies as times do: sides apart by chance in few suites.
void tell_counts(std::vector<Compared>& benchmarks, const Rule& rule, std::vector<std::string>& notes) {
  for (Compared& one : benchmarks)
    for (Count& count : one.counts) {
      const bool varies = count.base[0] != count.base[1] || count.candidate[0] != count.candidate[1];
      const double by_chance = smallest_level(one.base.size(), one.candidate.size());
      if (!varies || by_chance <= rule.alarms / static_cast<double>(benchmarks.size())) continue;
      const bool apart = count.gated && count.rose();
      count.told = false;
      if (apart)
        notes.push_back(
            fmt::format("the count {} of {} is higher in the candidate, but varies: {} and {} runs are too few",
                        count.name, one.name, one.base.size(), one.candidate.size()));
    }
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

// So many process runs a side that they can tell anything at this level.
int fewest_telling(double level) {
  std::size_t runs = fewest_asked;
  while (smallest_level(runs, runs) > level) ++runs;
  return static_cast<int>(runs);
}

// Process runs a side that would probably tell; nothing where not even many would.
std::optional<int> runs_needed(const Tested& now, const Rule& rule) {
  const double error = now.shift.error();
  int runs = fewest_telling(now.level);
  if (!std::isfinite(error)) return runs;
  for (runs = std::max(runs, static_cast<int>(runs_of(*now.compared)) + 1); runs <= most_asked; ++runs)
    if (told_with(runs, now, error, rule) >= sure) return runs;
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
  if (one.changed)
    c.reason = fmt::format("a change, but of less than {:g} %", 100 * rule.threshold);
  else if (!std::isfinite(spread) || smallest_level(c.base.size(), c.candidate.size()) > one.level)
    c.reason = fmt::format("{} and {} process runs are too few", c.base.size(), c.candidate.size());
  else
    c.reason = fmt::format("varies by {:.2g} % between process runs", spread);
  if (!c.runs_needed) c.reason += fmt::format(", {} a side would not tell", most_asked);
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
    if (std::ssize(results->runs) > most_runs)
      throw InputError(fmt::format("{} process runs", results->runs.size()), results->path.string(),
                       fmt::format("at most {} a side are compared", most_runs));
  const auto before = sides_of(base), after = sides_of(candidate);
  const std::vector<std::string> gate = rule.gated.empty() ? Rule::default_gate() : rule.gated;
  for (const auto& [name, side] : before)
    if (const auto other = after.find(name); other != after.end())
      comparison.benchmarks.push_back(paired(name, side, other->second, gate));
    else
      comparison.notes.push_back(fmt::format("{} is in the base alone", name));
  for (const auto& [name, side] : after)
    if (!before.contains(name)) comparison.notes.push_back(fmt::format("{} is in the candidate alone", name));
  if (comparison.benchmarks.empty())
    throw InputError("no benchmark is on both sides", candidate.path.string(),
                     fmt::format("it has {}, {} has {}", after.size(), base.path.string(), before.size()));
  note_counts_of_one_side(before, after, comparison.notes);
  require_gated(comparison.benchmarks, rule, candidate.path.string());
  tell_counts(comparison.benchmarks, rule, comparison.notes);
  std::vector<Tested> tested;
  const double first_level = rule.alarms / static_cast<double>(comparison.benchmarks.size());
  for (Compared& one : comparison.benchmarks) {
    if (!one.reason.empty()) continue;
    if (std::ssize(one.base) >= fewest_runs && std::ssize(one.candidate) >= fewest_runs) {
      tested.push_back({&one, Shift(one.base, one.candidate)});
    } else {
      one.reason = fmt::format("{} and {} process runs are too few", one.base.size(), one.candidate.size());
      one.runs_needed = fewest_telling(first_level);
    }
  }
  correct(tested, rule.alarms);
  for (const Tested& one : tested) decide(one, rule);
  return comparison;
}

}  // namespace dydit::compare
