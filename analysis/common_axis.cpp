// SPDX-License-Identifier: Apache-2.0
#include "analysis/common_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text.h"

namespace dydit::analysis {

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

Difference difference(const CommonCurve& one, const CommonCurve& other) {
  Difference found{0, 0, 0};
  const auto& places = other.log_snr;
  for (std::size_t k = 0; k < one.log_snr.size(); ++k) {
    const double place = one.log_snr[k];
    const auto right = std::lower_bound(places.begin(), places.end(), place);
    if (right == places.end() || (right == places.begin() && *right > place)) continue;
    const auto to = static_cast<std::size_t>(right - places.begin()), from = to - (to > 0 ? 1 : 0);
    const double way = places[to] > places[from] ? (place - places[from]) / (places[to] - places[from]) : 0;
    const double low = std::lerp(other.percent[from].low, other.percent[to].low, way),
                 high = std::lerp(other.percent[from].high, other.percent[to].high, way);
    ++found.places;
    if (low > one.percent[k].high) ++found.larger;
    if (high < one.percent[k].low) ++found.smaller;
  }
  return found;
}

std::string to_csv(std::span<const CommonCurve> curves) {
  std::string csv =
      "log_snr,timestep,gap_percent,gap_percent_low,gap_percent_high,noise_error,noise_error_low,noise_error_high,"
      "model,"
      "reference,process\n";
  for (const CommonCurve& curve : curves)
    for (std::size_t k = 0; k < curve.times.size(); ++k)
      csv += csv_line(curve.log_snr[k], curve.times[k], curve.percent[k],
                      curve.noise.empty() ? no_interval : curve.noise[k], curve.model, curve.reference, curve.process);
  return csv;
}

}  // namespace dydit::analysis
