// SPDX-License-Identifier: Apache-2.0
// The catalog of metrics: every name that records and reports use, declared once.
#pragma once

#include <array>
#include <stdexcept>
#include <string_view>

#include "record/record.h"

namespace dydit::record {

struct MetricInfo {
  std::string_view name;
  std::string_view unit;         ///< empty: a number without unit
  std::string_view label;        ///< for axes and table heads
  std::string_view description;  ///< one sentence for a reader of the report
  bool smaller_is_better;
};

inline constexpr std::array metrics = {
    MetricInfo{"train_mse", "", "training ε MSE",
               "Squared epsilon error of the training batches since the last record.", true},
    MetricInfo{"train_vb", "bits/dim", "training VLB",
               "Variational term of the training batches since the last record.", true},
    MetricInfo{"held_out_mse", "", "held-out ε MSE", "Squared epsilon error on images never trained on.",
               true},
    MetricInfo{"held_out_vb", "bits/dim", "held-out VLB", "Variational term on images never trained on.",
               true},
    MetricInfo{"images_per_second", "1/s", "images/s",
               "Images per second; in a loss study, images times timesteps per second.", false},
    MetricInfo{"forward_images_per_second", "1/s", "forward images/s",
               "Images per second of the forward pass alone.", false},
    MetricInfo{"broken_images", "", "broken images", "Images that could not be read and were left out.", true},
    MetricInfo{"seconds", "s", "training time", "Training time so far.", true},
    MetricInfo{"mse", "", "ε MSE", "Squared epsilon error, mean over channels and pixels, at one timestep.",
               true},
    MetricInfo{"vb", "bits/dim", "VLB", "Variational term at one timestep.", true},
    MetricInfo{"gini", "", "Gini coefficient",
               "Inequality of the loss over an image's tokens: 0 for an even spread, near 1 when one token "
               "has it all.",
               false},
    MetricInfo{
        "hardest_share", "", "share of the hardest 20 %",
        "Share of an image's loss in the fifth of its tokens that has most of it: 0.2 for an even spread.",
        false},
};

/// The entry of that name; throws std::out_of_range for a name that is not in the catalog.
constexpr const MetricInfo& metric(std::string_view name) {
  for (const MetricInfo& info : metrics)
    if (info.name == name) return info;
  throw std::out_of_range("metric that is not in the catalog");
}

/// A value with the unit of the catalog.
inline Metric measured(std::string_view name, double value) {
  return {.value = value, .unit = std::string(metric(name).unit)};
}

}  // namespace dydit::record
