// SPDX-License-Identifier: Apache-2.0
#include "analysis/waterfall.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "base/median.h"
#include "base/random.h"
#include "chunks.h"

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

using Blocks = std::vector<std::vector<double>>;

/// The median pass of each block, of each of these times; as many blocks of each.
Blocks blocks_of(const Record& record) {
  Blocks blocks;
  WaterfallTimes times;
  for (const auto& [name, time] : named(times)) {
    auto& medians = blocks.emplace_back();
    for (const auto& block : metric_of(record, name).blocks) {
      medians.push_back(median_of(block).value);
      if (!(medians.back() >= 0 && std::isfinite(medians.back())))
        refuse(record, fmt::format("has a block of '{}' without a time", name));
    }
    if (medians.empty()) refuse(record, fmt::format("has no blocks of '{}'", name));
    if (medians.size() != blocks.front().size())
      refuse(record, fmt::format("has another number of blocks of '{}' than of 'dense_time'", name));
  }
  return blocks;
}

/// All numbers of the bars of the chosen blocks' medians, in one order.
std::vector<double> numbers_of(const MacShares& shares, const Blocks& blocks, const std::vector<std::size_t>& chosen) {
  WaterfallTimes times;
  std::vector<double> values(chosen.size());
  auto of_blocks = blocks.begin();
  for (const auto& [name, time] : named(times)) {
    std::transform(chosen.begin(), chosen.end(), values.begin(),
                   [&](std::size_t block) { return (*of_blocks)[block]; });
    *time = median_of(values).value;
    ++of_blocks;
  }
  const Bars bars = bars_of(shares, times);
  std::vector<double> numbers{bars.theoretical, bars.gap, bars.dense_misfit, bars.unexplained_percent()};
  numbers.insert(numbers.end(), bars.causes.begin(), bars.causes.end());
  return numbers;
}

std::vector<Interval> intervals_of(const Record& record) {
  constexpr std::size_t resamples = 1000, fewest_blocks = 6;
  const MacShares shares = shares_of(record);
  const Blocks blocks = blocks_of(record);
  std::vector<std::size_t> chosen(blocks.front().size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  std::vector<Interval> intervals;
  for (const double number : numbers_of(shares, blocks, chosen)) intervals.push_back({number, missing, missing});
  if (chosen.size() < fewest_blocks) return intervals;
  std::vector<std::vector<double>> again(intervals.size());
  for (std::size_t i = 0; i < resamples; ++i) {
    Random random(/*seed=*/0, Purpose::bootstrap, i);
    for (std::size_t& block : chosen) block = random.below(chosen.size());
    const auto numbers = numbers_of(shares, blocks, chosen);
    for (std::size_t bar = 0; bar < again.size(); ++bar) again[bar].push_back(numbers[bar]);
  }
  for (std::size_t bar = 0; bar < again.size(); ++bar) {
    std::sort(again[bar].begin(), again[bar].end());
    intervals[bar].low = again[bar][resamples / 40];
    intervals[bar].high = again[bar][resamples - 1 - resamples / 40];
  }
  return intervals;
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
