// SPDX-License-Identifier: Apache-2.0
// From the costs of units to the numbers that plans are rounded up to, and what that did.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/tiles.h"
#include "cost/cost.h"
#include "record/manifest.h"
#include "study/costs.h"

namespace dydit::study {

using engine::Masks;
using record::Record;

namespace {

std::vector<const Record*> costs_in(const record::Run& run) {
  std::vector<const Record*> costs;
  for (const Record& record : run.records)
    if (record.study == "costs") costs.push_back(&record);
  if (costs.empty()) throw InputError("no costs in this run", run.path.string(), "name one that dydit costs wrote");
  return costs;
}

// Throws UsageError where an entry of the manifest is another one.
void require_same(const record::Run& run, const Json& entry, const Json& wanted, const char* of) {
  if (entry != wanted)
    throw UsageError(fmt::format("costs of another {}", of), "--round-to-tiles " + run.path.string(),
                     "measure those of this one with dydit costs");
}

// The cells of those passes.
std::vector<const Record*> costs_of(const record::Run& run, const RoundedPasses& passes) {
  Json wanted{{"engine", passes.engine},
              {"dtype", passes.dtype},
              {"batch", passes.batch},
              {"device", torch::DeviceTypeName(passes.device.type(), /*lower_case=*/true)}};
  if (passes.device.is_cpu()) wanted["threads"] = passes.threads;
  auto costs = costs_in(run);
  std::erase_if(costs, [&](const Record* record) {
    return std::ranges::any_of(
        wanted.items(), [&](const auto& axis) { return record->axes.value(axis.key(), Json()) != axis.value(); });
  });
  if (!costs.empty()) return costs;
  std::vector<std::string> words;
  for (const auto& [name, value] : wanted.items())
    words.push_back(name + " " + (value.is_string() ? value.get<std::string>() : value.dump()));
  throw UsageError("no costs of such passes", "--round-to-tiles " + run.path.string(),
                   fmt::format("measure with dydit costs: {}", fmt::join(words, ", ")));
}

double seconds_of(const std::vector<const Record*>& costs, const std::string& unit, std::int64_t on,
                  const record::Run& run) {
  for (const Record* record : costs) {
    if (record->axes.value("unit", Json()) != unit || record->axes.value("on", Json()) != on) continue;
    const auto time = record->metrics.find("block_time");
    if (record->status == record::Status::ok && time != record->metrics.end() && time->second.value > 0 &&
        std::isfinite(time->second.value))
      return 1e-3 * time->second.value;
  }
  throw InputError(fmt::format("no time of a block with {} of {}", on, unit), run.path.string(),
                   "measure again with dydit costs --retry-failed");
}

}  // namespace

engine::RoundUp round_up_of(const std::string& path, const model::Architecture& of, const RoundedPasses& passes) {
  const record::Run run = record::read_run(path);
  const auto costs = costs_of(run, passes);
  require_same(run, run.manifest.value("block", Json()), describe_block(of), "block");
  const char* const made_on = passes.device.is_cpu() ? "cpu" : "gpus";
  require_same(run, run.manifest.value("machine", Json::object()).value(made_on, Json()),
               record::machine_description()[made_on], "machine");
  engine::RoundUp round_up;
  for (const model::UnitAxis& axis : of.units) {
    auto& to = round_up.emplace_back();
    if (axis.scope == model::Scope::token) continue;
    std::vector<double> seconds;
    for (std::int64_t on = 1; on <= axis.units; ++on) seconds.push_back(seconds_of(costs, axis.name, on, run));
    to.push_back(0);
    for (const std::size_t top : tile_tops(seconds)) to.push_back(static_cast<std::int64_t>(top) + 1);
  }
  return round_up;
}

void require_rounding(const std::string& path, const std::vector<engine::Row>& engines) {
  if (std::ranges::none_of(engines, [](const engine::Row& row) { return row.executes == engine::Executes::kept; }))
    throw UsageError("no engine that keeps what is on", "--round-to-tiles", "choose one, as compact");
  costs_in(record::read_run(path));
}

RoundingDone rounding_done(const engine::RoundedPlan& plan, const model::Architecture& of) {
  const auto first = std::ranges::find_if(plan.kept, &torch::Tensor::defined);
  const auto whole = [&](Masks masks) {
    const Masks all = engine::all_on(of, first->size(0), first->device());
    for (std::size_t axis = 0; axis < masks.size(); ++axis)
      if (!masks[axis].defined()) masks[axis] = all[axis];
    return engine::activity_of(masks);
  };
  const model::Activity planned = whole(plan.planned), kept = whole(plan.kept);
  RoundingDone done{.stay_on = {},
                    .lambda_planned = cost::lambda_realised(of, planned),
                    .lambda_kept = cost::lambda_realised(of, kept)};
  for (std::size_t axis = 0; axis < of.units.size(); ++axis) {
    if (of.units[axis].scope == model::Scope::token) continue;
    double more = 0;
    for (std::size_t layer = 0; layer < kept.on[axis].size(); ++layer)
      more += kept.on[axis][layer] - planned.on[axis][layer];
    done.stay_on.emplace_back(of.units[axis].label, more);
  }
  return done;
}

std::string RoundingDone::words() const {
  std::vector<std::string> units;
  for (const auto& [label, more] : stay_on) units.push_back(fmt::format("{:.4g} {}", more, label));
  return fmt::format("round to tiles: {} of all layers stay on, which the plan had off: lambda {:.3f} -> {:.3f}",
                     fmt::join(units, " and "), lambda_planned, lambda_kept);
}

}  // namespace dydit::study
