// SPDX-License-Identifier: Apache-2.0
// The catalog of metrics: every name that records and reports use, declared once.
#pragma once

#include <stdexcept>
#include <string_view>

#include "record/record.h"

namespace dydit::record {

struct MetricInfo {
  std::string_view name;
  std::string_view unit;         ///< empty: a number without unit
  std::string_view label;        ///< for axes and table heads
  std::string_view description;  ///< one sentence for a reader of the report
};

inline constexpr MetricInfo metrics[] = {
    {"train_mse", "", "training ε MSE", "Squared epsilon error of the training batches since the last record."},
    {"train_vb", "bits/dim", "training VLB", "Variational term of the training batches since the last record."},
    {"held_out_mse", "", "held-out ε MSE", "Squared epsilon error on images never trained on."},
    {"held_out_vb", "bits/dim", "held-out VLB", "Variational term on images never trained on."},
    {"lambda_target", "", "target λ", "Share of the blocks' MACs that the training aims at."},
    {"train_lambda", "", "training λ",
     "Share of the blocks' MACs in the training batches since the last record, whose decisions are noisy."},
    {"train_complete_mse", "", "training ε MSE, complete model",
     "Squared epsilon error of the complete model on the training batches since the last record."},
    {"held_out_complete_mse", "", "held-out ε MSE, complete model",
     "Squared epsilon error of the complete model on images never trained on."},
    {"units_on", "", "on", "Share of the units of one kind that are on: units_on.heads of the heads."},
    {"images_per_second", "1/s", "images/s", "Images per second; in a loss study, images times timesteps per second."},
    {"forward_images_per_second", "1/s", "forward images/s", "Images per second of the forward pass alone."},
    {"broken_images", "", "broken images", "Images that could not be read and were left out."},
    {"seconds", "s", "training time", "Training time so far."},
    {"mse", "", "ε MSE", "Squared epsilon error, mean over channels and pixels, at one timestep."},
    {"vb", "bits/dim", "VLB", "Variational term at one timestep."},
    {"gini", "", "Gini coefficient",
     "Inequality of the loss over an image's tokens: 0 for an even spread, near 1 when one token has it all."},
    {"hardest_share", "", "share of the hardest 20 %",
     "Share of an image's loss in the fifth of its tokens that has most of it: 0.2 for an even spread."},
    {"time", "ms", "time",
     "Time of one forward pass of the batch, of passes that follow each other without waiting (throughput): median "
     "over the blocks."},
    {"block_time", "ms", "time of a block",
     "Time of one block of the model by itself: median over the blocks of runs."},
    {"latency", "ms", "latency", "Time of one forward pass of the batch on an idle device: median over the blocks."},
    {"sm_clock", "MHz", "clock",
     "Clock of a GPU's multiprocessors during the passes: cycles over time by their own counters, the median of the "
     "multiprocessors, and the median over the blocks."},
    {"gmacs", "GMACs", "GMACs", "Multiply-accumulates executed for one image, routers included, in billions."},
    {"lambda_realised", "", "realised λ",
     "Share of the blocks' MACs that the masks keep, what is always on included, routers left out."},
    {"lambda_planned", "", "planned λ",
     "Share of the blocks' MACs that the masks would keep before numbers of units were rounded up to tiles."},
    {"rho", "", "ρ", "MACs executed, routers included, over all MACs of the dense model."},
    {"rho_without_routers", "", "ρ without routers",
     "MACs executed, routers left out, over all MACs of the dense model."},
    {"theoretical_speedup", "", "theoretical speedup",
     "MACs of the dense model over the MACs executed, routers included."},
    {"speedup", "", "speedup",
     "Time of the dense model over this time, in the same run: median over interleaved blocks."},
    {"realisation", "", "η",
     "Realisation: the speedup over the theoretical one, 1 when all of the skipped work becomes time."},
    {"collected_time", "ms", "time, collected", "Time of one forward pass while collectors look at it."},
    {"collected_ratio", "", "collected over not",
     "Time with collectors over the time without them, of the same passes one behind the other."},
    {"remainder_time", "ms", "remainder",
     "Time of a pass, of those that were looked at, that no kernel, operator or measured gap has."},
    {"lost_records", "", "lost", "Records that collectors had to drop."},
    {"malformed_records", "", "malformed", "Records that made no sense and were left out."},
    {"kernel_time", "ms", "time",
     "Time of a pass that a kernel, an operator or a gap takes in a range, of the passes that were looked at."},
    {"kernel_calls", "", "calls", "How often in a pass; of a cell, of all its kernels or operators."},
    {"kernel_gmacs", "GMACs", "GMACs", "Multiply-accumulates of a pass over the batch, in billions."},
    {"kernel_bytes", "MB", "MB", "Bytes that operators take and give in a pass, or that a copy moves."},
    {"kernel_bound", "ms", "bound", "Least time for these MACs and bytes at the ceilings measured in the same run."},
    {"registers", "", "registers", "Of a thread."},
    {"shared_memory", "kB", "shared memory", "Of a block, static and dynamic."},
    {"grid", "", "blocks", "Blocks of the longest call."},
    {"block", "", "threads", "Threads of a block."},
    {"occupancy", "", "occupancy", "Theoretical: warps that fit on a multiprocessor over those that it holds."},
    {"roofline_time", "ms", "roofline",
     "Least time that the MACs and bytes of a pass need at the ceilings measured in the same run."},
    {"floor", "ms", "floor",
     "Least time of a pass's blocks by the libraries' kernels, each alone: products by the fastest of cuBLASLt's "
     "algorithms, the fastest attention, the norms at the rate of a copy."},
    {"floor_clock", "MHz", "clock of the floor",
     "The multiprocessors' mean clock while the floor was measured, pauses between its bursts included."},
    {"over_floor", "", "time over floor", "Time of a pass over the floor of its blocks."},
    {"floor_realisation", "", "η of the floors",
     "What the realisation would be with times as the floors: the share of the blocks' MACs times the floor of the "
     "dense model over this one."},
    {"product_ceiling", "GMAC/s", "product ceiling", "Rate of a large square matrix product in the same run."},
    {"copy_ceiling", "GB/s", "copy ceiling",
     "Rate of a copy as large as the activations between two blocks, on a GPU of 256 MiB at least, read and written, "
     "in the same run."},
    {"activation_memory", "MB", "activations",
     "Most memory that the tensors of a pass, or of a trajectory with what a cache keeps, hold at once."},
    {"allocations", "", "allocations",
     "How often a pass, or a trajectory, takes memory for a tensor; the replay of a graph takes it once."},
    {"weight_memory", "MB", "weights",
     "Memory of the weights that a pass reads, packed or not; those that were packed are held besides."},
    {"packing_time", "ms", "packing", "Time to pack the weights of the cell's units once."},
    {"dense_time", "ms", "dense time",
     "Time of the dense model in the blocks in which the cell and its parts were timed."},
    {"dense_fixed_time", "ms", "fixed parts, dense",
     "What no mask skips (norms, residuals, embedders, adaLN, final layer) run by itself as the dense model runs it."},
    {"dense_attention_time", "ms", "attention, dense", "Scores, softmax and mixing of all heads, run by themselves."},
    {"dense_products_time", "ms", "products, dense",
     "qkv, projection, fc1 with GELU and fc2 of the dense model, run by themselves."},
    {"without_routers_time", "ms", "without routers",
     "Time of the cell under its own masks, imposed, with its routers left out."},
    {"fixed_time", "ms", "fixed parts",
     "What no mask skips, run by itself as the engine runs it, with the routed tokens lying together."},
    {"attention_time", "ms", "attention", "Scores, softmax and mixing of the heads that are on."},
    {"products_time", "ms", "products",
     "qkv, projection, fc1 with GELU and fc2 with the cell's packed weights, padding included."},
    {"routed_time", "ms", "routed tokens", "To find the routed tokens, and their norms and residuals where they lie."},
    {"together_time", "ms", "tokens together", "The same norms and residuals of as many tokens that lie together."},
    {"path_time", "ms", "everything on", "Time of the engine with everything on and its routers left out."},
    {"path_fixed_time", "ms", "fixed parts, everything on",
     "What no mask skips, run by itself as the engine runs it with everything on."},
    {"path_routed_time", "ms", "routed tokens, everything on", "To find the tokens, which are all."},
    {"attention_share", "", "attention's share", "Scores' and mixing's share of the dense model's MACs."},
    {"attention_share_left", "", "attention left", "MACs of scores and mixing that are left, over the dense model's."},
    {"products_share", "", "products' share", "Share of qkv, projection and MLP in the dense model's MACs."},
    {"products_share_left", "", "products left",
     "MACs of qkv, projection and MLP that are left, over the dense model's."},
    {"routers_share", "", "routers' share", "MACs of the routers over the dense model's."},
    {"image_time", "ms", "time per image",
     "Time of one image: of a trajectory of the batch over its images, median over the blocks."},
    {"beyond_passes", "", "time over its passes'",
     "Time of a trajectory over the time of its forward passes alone, with the same inputs, in the same block: without "
     "a cache, by the reference's sampler at its number of steps."},
    {"sampling_gmacs", "GMACs", "GMACs in papers' unit",
     "Multiply-accumulates executed for one image over its trajectory, routers included, in the conditional passes "
     "alone, in billions: the unit of papers."},
    {"sampling_gmacs_guided", "GMACs", "GMACs with guidance",
     "Multiply-accumulates executed for one image over its trajectory, routers included, in both halves of guidance, "
     "in "
     "billions."},
    {"sampling_speedup", "", "speedup",
     "Time of the reference, which is the complete model without a cache by the first sampler at its first number of "
     "steps, over this time: median over interleaved blocks."},
    {"sampling_speedup_own", "", "speedup over itself",
     "Time of the same model in the same engine without a cache, by the reference's sampler at its number of steps, "
     "over "
     "this time."},
    {"sampling_theory", "", "theory", "MACs of the reference over the MACs executed, with guidance."},
    {"multiplied_speedup", "", "multiplied",
     "Product of the separate speedups: of this engine, of this cache, and of this sampler at this number of steps, "
     "each "
     "with all else as the reference has it."},
    {"multiplied_share", "", "share realised", "The speedup over the product of the separate speedups."},
    {"blocks_run", "", "blocks run",
     "Share of the blocks' attention and MLP parts that were executed, mean over the passes of a trajectory."},
    {"passes", "", "passes", "Passes of a trajectory."},
    {"full_passes", "", "full passes", "Passes of a trajectory that take nothing from a cache."},
    {"cache_memory", "MB", "cache memory", "Memory of what a cache holds, 0 without one."},
    {"frechet", "", "Fréchet distance",
     "Distance of the drawn images from real ones by the features of the network that the run names, with 95 % over "
     "the images: no FID, unless that is the inception network and the images are as many."},
    {"kernel", "", "kernel distance", "Unbiased squared maximum mean discrepancy by the same features, cubic kernel."},
    {"precision", "", "precision", "Share of drawn images within the ball of a real one (k = 3)."},
    {"recall", "", "recall", "Share of real images within the ball of a drawn one (k = 3)."},
    {"judged_images", "", "images judged", "Images by which the quality of a cell is judged."},
    {"reference_image_time", "ms", "time of the reference", "Time of one image by the reference, in the same blocks."},
    {"reference_gmacs", "GMACs", "GMACs of the reference", "MACs of the reference for one image, with guidance."},
    {"solver_image_time", "ms", "time by this sampler",
     "Time of one image by the complete model without a cache, by this sampler at this number of steps."},
    {"solver_gmacs", "GMACs", "GMACs by this sampler",
     "MACs for one image of the complete model without a cache, by this sampler at this number of steps, with "
     "guidance."},
    {"cached_image_time", "ms", "time with this cache",
     "Time of one image by the complete model with this cache, by this sampler at this number of steps."},
    {"cached_gmacs", "GMACs", "GMACs with this cache",
     "MACs for one image of the complete model with this cache, by this sampler at this number of steps, with "
     "guidance."},
};

/// The entry of that name, "units_on" for "units_on.heads"; throws std::out_of_range for a name that is not in the
/// catalog.
constexpr const MetricInfo& metric(std::string_view name) {
  const std::string_view entry = name.starts_with("units_on.") ? name.substr(0, name.find('.')) : name;
  for (const MetricInfo& info : metrics)
    if (info.name == entry) return info;
  throw std::out_of_range("metric that is not in the catalog");
}

/// A value with the unit of the catalog.
inline Metric measured(std::string_view name, double value) {
  return {.value = value, .unit = std::string(metric(name).unit)};
}

}  // namespace dydit::record
