// SPDX-License-Identifier: Apache-2.0
#include "analysis/common_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "text.h"

namespace dydit::analysis {

namespace {

/// Do two intervals lie within `near` of each other, whatever of them is true?
Judgement within(const Interval& a, const Interval& b, double near) {
  const double farthest = std::max(a.high - b.low, b.high - a.low), nearest = std::max(a.low - b.high, b.low - a.high);
  if (farthest <= near) return Judgement::yes;
  return nearest > near ? Judgement::no : Judgement::cannot_tell;
}

Judgement larger_than(const Interval& a, const Interval& b) {
  if (a.low > b.high) return Judgement::yes;
  return a.high < b.low ? Judgement::no : Judgement::cannot_tell;
}

}  // namespace

std::vector<CommonCurve> common_curves(const std::string& process, const LossGap& gap) {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < gap.log_snr.size(); ++k)
    if (std::isfinite(gap.log_snr[k])) order.push_back(k);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return gap.log_snr[a] < gap.log_snr[b]; });
  std::vector<CommonCurve> curves;
  for (const bool dynamic : {false, true})
    for (const ModelLoss& model : gap.held_against()) {
      const ModelLoss& reference = gap.reference_of(model);
      if (order.empty() || model.dynamic != dynamic || reference.dynamic) continue;
      CommonCurve& curve =
          curves.emplace_back(CommonCurve{process, model.model, reference.model, dynamic, {}, {}, {}, {}});
      for (const std::size_t k : order) {
        if (!std::isfinite(model.mse_gap[k].mean / reference.mse[k])) continue;
        curve.times.push_back(gap.timesteps[k]);
        curve.log_snr.push_back(gap.log_snr[k]);
        curve.percent.push_back(times(100 / reference.mse[k], model.mse_gap[k]));
        if (!gap.epsilon_factor.empty()) curve.noise.push_back(times(gap.epsilon_factor[k], model.mse_gap[k]));
      }
      if (curve.times.empty()) curves.pop_back();
    }
  return curves;
}

Interval peak_place(const CommonCurve& curve) {
  const auto peak = std::max_element(curve.percent.begin(), curve.percent.end(), smaller);
  const double place = curve.log_snr[static_cast<std::size_t>(peak - curve.percent.begin())];
  if (!std::isfinite(peak->low)) return {place, missing, missing};
  Interval possible{place, place, place};
  for (std::size_t k = 0; k < curve.percent.size(); ++k)
    if (curve.percent[k].high >= peak->low) {
      possible.low = std::min(possible.low, curve.log_snr[k]);
      possible.high = std::max(possible.high, curve.log_snr[k]);
    }
  return possible;
}

std::optional<Interval> percent_at(const CommonCurve& curve, double log_snr) {
  const auto& at = curve.log_snr;
  if (at.empty() || !(log_snr >= at.front() && log_snr <= at.back())) return std::nullopt;
  const auto right = static_cast<std::size_t>(std::lower_bound(at.begin(), at.end(), log_snr) - at.begin());
  if (at[right] == log_snr) return curve.percent[right];
  const Interval &a = curve.percent[right - 1], &b = curve.percent[right];
  const double share = (log_snr - at[right - 1]) / (at[right] - at[right - 1]);
  return Interval{std::lerp(a.mean, b.mean, share), std::lerp(a.low, b.low, share), std::lerp(a.high, b.high, share)};
}

Comparison compared(const CommonCurve& one, const CommonCurve& other) {
  const Interval place = peak_place(one), other_place = peak_place(other);
  const Interval at = percent_at(one, place.mean).value(),
                 other_at = percent_at(other, place.mean).value_or(no_interval);
  return {&one,
          &other,
          place,
          other_place,
          within(place, other_place, Comparison::near),
          at,
          other_at,
          larger_than(other_at, at)};
}

std::optional<Comparison> comparison(std::span<const CommonCurve> curves, const std::string& one,
                                     const std::string& other) {
  std::optional<Comparison> found;
  for (const CommonCurve& a : curves)
    for (const CommonCurve& b : curves)
      if (a.process == one && b.process == other && a.dynamic == b.dynamic &&
          (!found ||
           (a.dynamic == found->one->dynamic && found->one->model != found->other->model && a.model == b.model)))
        found = compared(a, b);
  return found;
}

std::string to_csv(std::span<const CommonCurve> curves) {
  std::string csv =
      "log_snr,time,gap_percent,gap_percent_low,gap_percent_high,noise_error,noise_error_low,noise_error_high,model,"
      "reference,process\n";
  for (const CommonCurve& curve : curves)
    for (std::size_t k = 0; k < curve.times.size(); ++k)
      csv += csv_line(curve.log_snr[k], curve.times[k], curve.percent[k],
                      curve.noise.empty() ? no_interval : curve.noise[k], curve.model, curve.reference, curve.process);
  return csv;
}

}  // namespace dydit::analysis
