// SPDX-License-Identifier: Apache-2.0
#include "analysis/waterfall.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cells.h"

namespace dydit::analysis {

using record::Metric;
using record::Record;

namespace {

const Metric& metric_of(const Record& record, const char* name) {
  const Metric* found = find_metric(record, name);
  if (found == nullptr) refuse(record, fmt::format("has times of parts but no '{}'", name));
  return *found;
}

double share(const Record& record, const char* name) {
  const double value = metric_of(record, name).value;
  if (!(value >= 0 && std::isfinite(value))) refuse(record, fmt::format("has a '{}' of {}", name, value));
  return value;
}

MacShares shares_of(const Record& record) {
  const MacShares shares{.executed = share(record, "rho"),
                         .attention = share(record, "attention_share"),
                         .attention_left = share(record, "attention_share_left"),
                         .products = share(record, "products_share"),
                         .products_left = share(record, "products_share_left"),
                         .routers = share(record, "routers_share")};
  if (shares.products == 0) refuse(record, "has a 'products_share' of 0");
  return shares;
}

/// The times that a waterfall needs, by what they are.
template <typename Times>
auto named(Times& t) {
  return std::array{std::pair{"dense_time", &t.dense},
                    std::pair{"time", &t.cell},
                    std::pair{"without_routers_time", &t.without_routers},
                    std::pair{"dense_fixed_time", &t.dense_parts.fixed},
                    std::pair{"dense_attention_time", &t.dense_parts.attention},
                    std::pair{"dense_products_time", &t.dense_parts.products},
                    std::pair{"fixed_time", &t.parts.fixed},
                    std::pair{"attention_time", &t.parts.attention},
                    std::pair{"products_time", &t.parts.products},
                    std::pair{"routed_time", &t.routed},
                    std::pair{"together_time", &t.together},
                    std::pair{"path_time", &t.path},
                    std::pair{"path_fixed_time", &t.path_fixed},
                    std::pair{"path_routed_time", &t.path_routed}};
}

/// The median pass of each block, of each of these times; as many blocks of each.
Blocks blocks_of(const Record& record) {
  Blocks blocks;
  WaterfallTimes times;
  for (const auto& [name, time] : named(times)) {
    const auto& medians = blocks.emplace_back(block_medians(record, name, metric_of(record, name)));
    if (medians.empty()) refuse(record, fmt::format("has no blocks of '{}'", name));
    if (medians.size() != blocks.front().size())
      refuse(record, fmt::format("has another number of blocks of '{}' than of 'dense_time'", name));
  }
  return blocks;
}

/// All numbers of the bars, in one order.
std::vector<Interval> intervals_of(const Record& record) {
  const MacShares shares = shares_of(record);
  return of_medians(blocks_of(record), [&](std::span<const double> medians) {
    WaterfallTimes times;
    auto median = medians.begin();
    for (const auto& [name, time] : named(times)) *time = *median++;
    const Bars bars = bars_of(shares, times);
    std::vector<double> numbers{bars.theoretical, bars.gap, bars.dense_misfit, bars.unexplained_percent()};
    numbers.insert(numbers.end(), bars.causes.begin(), bars.causes.end());
    return numbers;
  });
}

}  // namespace

std::string of_engine(std::string_view text, std::string_view engine) {
  return fmt::format(fmt::runtime(text), engine);
}

Bars bars_of(const MacShares& shares, const WaterfallTimes& t) {
  const double kept = shares.products_left / shares.products;
  // What fixed parts and attention take of the dense time beyond their share of MACs, its products take less; as those
  // shrink, so does what the theory leaves for the others.
  const double fixed_share = (1 - shares.attention - shares.products) * t.dense;
  const double attention_share = shares.attention * t.dense, attention_left = shares.attention_left * t.dense;
  Bars bars{.theoretical = shares.executed * t.dense,
            .causes = {t.parts.fixed - fixed_share - kept * (t.dense_parts.fixed - fixed_share),
                       t.parts.attention - attention_left - kept * (t.dense_parts.attention - attention_share),
                       t.parts.products - kept * t.dense_parts.products, t.routed - t.together,
                       t.path - t.dense - (t.path_fixed - t.dense_parts.fixed) - t.path_routed,
                       t.cell - t.without_routers - shares.routers * t.dense},
            .gap = t.cell - shares.executed * t.dense,
            .dense_misfit = t.dense - t.dense_parts.fixed - t.dense_parts.attention - t.dense_parts.products};
  double& unexplained = bars.causes.back() = bars.gap;
  for (std::size_t i = 0; i + 1 < bars.causes.size(); ++i) unexplained -= bars.causes[i];
  return bars;
}

std::optional<Waterfall> waterfall_of(const Record& record) {
  if (!record.metrics.contains("dense_time")) return std::nullopt;
  const auto intervals = intervals_of(record);
  Waterfall waterfall{intervals[0], {}, intervals[1], intervals[2], intervals[3]};
  std::copy(intervals.begin() + 4, intervals.end(), waterfall.causes.begin());
  for (const double number :
       {waterfall.theoretical.mean, waterfall.gap.mean, waterfall.dense_misfit.mean, waterfall.unexplained().mean})
    if (!std::isfinite(number)) refuse(record, "has times of parts beyond all numbers");
  return waterfall;
}

}  // namespace dydit::analysis
