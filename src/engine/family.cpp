// SPDX-License-Identifier: Apache-2.0
#include "engine/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dydit::engine {

const Row& Family::engine(const std::string& wanted) const& {
  const auto found = std::ranges::find(engines, wanted, &Row::name);
  if (found != engines.end()) return *found;
  std::vector<std::string> known;
  for (const Row& row : engines) known.push_back(row.name);
  throw UsageError("no such engine for " + name, wanted, fmt::format("known are {}", fmt::join(known, ", ")));
}

const Row& Family::engine_that(Executes executes) const {
  const auto found = std::ranges::find(engines, executes, &Row::executes);
  if (found == engines.end()) throw UsageError("no engine that executes " + to_string(executes), name);
  return *found;
}

const Row& Family::complete_engine(const std::vector<std::string>& named) const {
  for (const std::string& wanted : named)
    if (const Row& row = engine(wanted); row.executes == Executes::all) return row;
  return engine_that(Executes::all);
}

const Row& Family::engine_for(const std::string& wanted, const model::Architecture& architecture,
                              const std::string& where) const {
  const Row& row = engine(wanted);
  if (architecture.dynamic() || row.executes == Executes::all) return row;
  if (row.complete.empty()) throw UsageError("the model has no routers", where, "leave --engine out");
  return engine(row.complete);
}

const Row& Family::default_engine(const model::Network& network) const {
  const Executes executes = network.architecture.dynamic() ? Executes::kept : Executes::all;
  for (const Row& row : engines)
    if (row.executes == executes && row.preferred && row.preferred(network)) return row;
  return engine_that(executes);
}

const Family& family_of(const Families& families, const std::string& published) {
  std::vector<std::string> known;
  for (const Family& family : families) {
    if (std::ranges::count(family.published, published) > 0) return family;
    known.insert(known.end(), family.published.begin(), family.published.end());
  }
  throw UsageError("no such model", published, fmt::format("known are {}", fmt::join(known, ", ")));
}

const Family& family_of(const Families& families, const checkpoint::Checkpoint& opened, const std::string& where) {
  for (const Family& family : families)
    if (family.recognises(opened)) return family;
  throw InputError("no known family's checkpoint", where);
}

std::vector<Row> engines_of(const Families& families) {
  std::vector<Row> rows;
  for (const Family& family : families)
    for (const Row& row : family.engines)
      if (std::ranges::count(rows, row.name, &Row::name) == 0) rows.push_back(row);
  return rows;
}

}  // namespace dydit::engine
