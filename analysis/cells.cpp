// SPDX-License-Identifier: Apache-2.0
#include "cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/speed.h"
#include "base/median.h"
#include "base/random.h"

namespace dydit::analysis {

using record::Json;
using record::Metric;
using record::Record;

std::string needed_axis(const Record& record, const char* name) {
  if (!record.axes.contains(name) || !record.axes[name].is_string())
    refuse(record, fmt::format("has no axis '{}'", name));
  return text_axis(record, name);
}

Engine engine_of(const Record& record, const std::map<std::string, Engine>& engines) {
  const auto found = engines.find(needed_axis(record, "engine"));
  if (found == engines.end()) refuse(record, "has an engine that its manifest does not name");
  return found->second;
}

Interval interval(const Record& record, const char* name) {
  const Metric* metric = find_metric(record, name);
  if (metric == nullptr) return no_interval;
  const auto [low, high] = metric->ci95.value_or(std::array{missing, missing});
  return {metric->value, low, high};
}

Interval positive(const Record& record, const char* name) {
  const Interval found = interval(record, name);
  if (found.mean <= 0 || std::isinf(found.mean)) refuse(record, fmt::format("has a '{}' of {}", name, found.mean));
  return found;
}

std::optional<Kept> keep_of(const Record& record) {
  const auto found = record.axes.find("keep");
  if (found == record.axes.end() || found->is_null()) return std::nullopt;
  Kept keep;
  const auto add = [&](const Json& value) {
    const double share = value.is_number() ? value.get<double>() : missing;
    if (!(share >= 0 && share <= 1)) refuse(record, "has an axis 'keep' that is not from 0 to 1");
    keep.shares.push_back(share);
  };
  if (!found->is_array()) {
    add(*found);
    return keep;
  }
  for (const Json& value : *found) add(value);
  if (!keep.by_axis()) refuse(record, "has an axis 'keep' that is a list of fewer than two shares");
  return keep;
}

double at_least_zero(const Record& record, const char* name) {
  const double found = interval(record, name).mean;
  if (found < 0 || std::isinf(found)) refuse(record, fmt::format("has a '{}' of {}", name, found));
  return found;
}

std::pair<std::ptrdiff_t, std::string> order_of(const std::string& which) {
  const auto known =
      std::find_if(skipped_units.begin(), skipped_units.end(), [&](const Skipped& o) { return o.which == which; });
  return {known - skipped_units.begin(), which};
}

Axes axes_of(const Record& record, std::span<const std::string_view> of_cell) {
  std::map<std::string, Json> others;
  for (const auto& [name, value] : record.axes.items()) others[name] = value;
  for (const char* known : {"model", "dtype", "device", "threads"}) others.erase(known);
  for (const std::string_view known : of_cell) others.erase(std::string(known));
  Axes axes{{"device", needed_axis(record, "device")},
            {"dtype", needed_axis(record, "dtype")},
            {"threads", axis(record, "threads")}};
  axes.insert(axes.end(), others.begin(), others.end());
  return axes;
}

std::string Kept::text() const {
  std::vector<std::string> texts;
  for (const double share : shares) texts.push_back(fmt::format("{:g}", share));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string Study::setting(bool with_threads) const {
  std::vector<std::string> parts;
  for (const auto& [name, value] : axes) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "dtype")
      parts.insert(parts.begin(), text);
    else if (name == "device")
      parts.push_back(text);
    else if (name != "threads")
      parts.push_back(name + " " + text);
    else if (with_threads)
      parts.push_back(text + (text == "1" ? " thread" : " threads"));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string Study::title() const { return model + ", " + setting(); }

std::vector<double> block_medians(const Record& record, const char* name, const Metric& metric) {
  std::vector<double> medians;
  for (const auto& block : metric.blocks) {
    medians.push_back(median_of(block).value);
    if (!(medians.back() >= 0 && std::isfinite(medians.back())))
      refuse(record, fmt::format("has a block of '{}' without a time", name));
  }
  return medians;
}

std::vector<Interval> of_medians(const Blocks& blocks,
                                 const std::function<std::vector<double>(std::span<const double>)>& numbers) {
  constexpr std::size_t resamples = 1000, fewest_blocks = 6;
  std::vector<std::size_t> chosen(blocks.front().size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  const auto of_chosen = [&] {
    std::vector<double> medians, values(chosen.size());
    for (const auto& times : blocks) {
      std::transform(chosen.begin(), chosen.end(), values.begin(), [&](std::size_t block) { return times[block]; });
      medians.push_back(median_of(values).value);
    }
    return numbers(medians);
  };
  std::vector<Interval> intervals;
  for (const double number : of_chosen()) intervals.push_back({number, missing, missing});
  if (chosen.size() < fewest_blocks) return intervals;
  std::vector<std::vector<double>> again(intervals.size());
  for (std::size_t i = 0; i < resamples; ++i) {
    Random random(/*seed=*/0, Purpose::bootstrap, i);
    for (std::size_t& block : chosen) block = random.below(chosen.size());
    const auto resampled = of_chosen();
    for (std::size_t k = 0; k < again.size(); ++k) again[k].push_back(resampled[k]);
  }
  for (std::size_t k = 0; k < again.size(); ++k) {
    std::sort(again[k].begin(), again[k].end());
    intervals[k].low = again[k][resamples / 40];
    intervals[k].high = again[k][resamples - 1 - resamples / 40];
  }
  return intervals;
}

}  // namespace dydit::analysis
