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
    MetricInfo{"lambda_target", "", "target λ", "Share of the blocks' MACs that the training aims at.", true},
    MetricInfo{"train_lambda", "", "training λ",
               "Share of the blocks' MACs in the training batches since the last record, whose decisions are noisy.", true},
    MetricInfo{"train_complete_mse", "", "training ε MSE, complete model",
               "Squared epsilon error of the complete model on the training batches since the last record.", true},
    MetricInfo{"held_out_complete_mse", "", "held-out ε MSE, complete model",
               "Squared epsilon error of the complete model on images never trained on.", true},
    MetricInfo{"heads_on", "", "heads on", "Share of the heads that are on.", true},
    MetricInfo{"channel_groups_on", "", "channel groups on", "Share of the channel groups that are on.", true},
    MetricInfo{"tokens_on", "", "tokens on", "Share of the tokens that go through an MLP.", true},
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
    MetricInfo{"time", "ms", "time", "Time of one forward pass of the batch: median over the blocks.", true},
    MetricInfo{"gmacs", "GMACs", "GMACs",
               "Multiply-accumulates executed for one image, routers included, in billions.", true},
    MetricInfo{"lambda_realised", "", "realised λ",
               "Share of the blocks' MACs that the masks keep, what is always on included, routers left out.",
               true},
    MetricInfo{"rho", "", "ρ", "MACs executed, routers included, over all MACs of the dense model.", true},
    MetricInfo{"rho_without_routers", "", "ρ without routers",
               "MACs executed, routers left out, over all MACs of the dense model.", true},
    MetricInfo{"theoretical_speedup", "", "theoretical speedup",
               "MACs of the dense model over the MACs executed, routers included.", false},
    MetricInfo{"speedup", "", "speedup",
               "Time of the dense model over this time, in the same run: median over interleaved blocks.",
               false},
    MetricInfo{
        "realisation", "", "η",
        "Realisation: the speedup over the theoretical one, 1 when all of the skipped work becomes time.",
        false},
    MetricInfo{"roofline_time", "ms", "roofline",
               "Least time that the MACs and bytes of a pass need at the ceilings measured in the same run.",
               true},
    MetricInfo{"product_ceiling", "GMAC/s", "product ceiling",
               "Rate of a large square matrix product in the same run.", false},
    MetricInfo{"copy_ceiling", "GB/s", "copy ceiling",
               "Rate of a copy as large as the activations between two blocks, read and written, in the same run.",
               false},
    MetricInfo{"activation_memory", "MB", "activations",
               "Most memory that the tensors of a pass hold at once.", true},
    MetricInfo{"weight_memory", "MB", "weights", "Memory of the weights that a pass reads, packed or not; those that were packed are held besides.", true},
    MetricInfo{"packing_time", "ms", "packing", "Time to pack the weights of the cell's units once.", true},
    MetricInfo{"theoretical_time", "ms", "theoretical time",
               "Time of the dense model times ρ: what is left when all of the skipped work becomes time.",
               true},
    MetricInfo{
        "lost_to_fixed", "ms", "fixed parts",
        "What no mask skips (norms, residuals, embedders, adaLN, final layer) takes more time than its "
        "MACs say.",
        true},
    MetricInfo{
        "lost_to_attention", "ms", "attention",
        "The products and the softmax of attention are slower for each MAC than the rest, and a larger "
        "share of them is left.",
        true},
    MetricInfo{"lost_to_narrow", "ms", "narrow products",
               "The products at their narrow shapes, beyond what their MACs shrink.", true},
    MetricInfo{"lost_to_gather", "ms", "gather and scatter",
               "To find the rows of routed tokens, and to work on them where they lie instead of together.", true},
    MetricInfo{"lost_to_path", "ms", "compact path",
               "The compact engine with everything on against the dense model, beyond fixed parts and rows.", true},
    MetricInfo{"lost_to_routers", "ms", "routers", "Routers run and obeyed, beyond their MACs.", true},
    MetricInfo{"unexplained", "ms", "unexplained", "What no counterfactual run accounts for.", true},
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
