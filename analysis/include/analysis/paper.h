// SPDX-License-Identifier: Apache-2.0
// What "Dynamic Diffusion Transformer" (ICLR'25, arXiv 2410.03456) published, as far as reports show it.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace dydit::analysis {

struct PaperGap {
  int timestep;
  double gap;  ///< loss of DiT-S minus loss of DiT-XL
};

/// The paper's loss-gap figure on ImageNet, digitised to +-0.002; by t = 1000 it falls to about 1e-6.
inline constexpr std::array<PaperGap, 16> paper_loss_gap{{
    {5, .030},
    {10, .038},
    {20, .046},
    {40, .051},
    {60, .049},
    {80, .044},
    {100, .040},
    {150, .032},
    {200, .023},
    {250, .016},
    {300, .010},
    {350, .0065},
    {400, .0045},
    {450, .0026},
    {500, .0014},
    {550, .0008},
}};

inline constexpr double paper_peak = std::ranges::max(paper_loss_gap, {}, &PaperGap::gap).gap;

/// A model of the paper's table over lambda: its cost, and its time on a V100 (32 GB).
struct PaperSpeed {
  std::string_view size;  ///< of DyDiT-SIZE/2
  double lambda;          ///< 1: the dense model
  double speedup, gmacs, seconds_per_image;
};

/// By size, ascending speedups.
inline constexpr std::array<PaperSpeed, 19> paper_speed{{
    {"S", 1.0, 1.00, 6.07, .65},   {"S", .9, 1.03, 5.72, .63},    {"S", .8, 1.16, 4.94, .56},
    {"S", .7, 1.27, 4.34, .51},    {"S", .5, 1.54, 3.16, .42},    {"S", .4, 1.71, 2.63, .38},
    {"S", .3, 2.03, 1.96, .32},    {"B", 1.0, 1.00, 23.02, 2.09}, {"B", .9, 1.05, 21.28, 1.97},
    {"B", .8, 1.18, 18.53, 1.76},  {"B", .7, 1.32, 16.28, 1.57},  {"B", .5, 1.70, 11.90, 1.22},
    {"B", .4, 1.95, 9.71, 1.06},   {"B", .3, 2.33, 7.51, .89},    {"XL", 1.0, 1.00, 118.69, 10.22},
    {"XL", .7, 1.32, 84.33, 7.76}, {"XL", .6, 1.49, 67.83, 6.86}, {"XL", .5, 1.73, 57.88, 5.91},
    {"XL", .3, 2.40, 38.85, 4.26},
}};

/// A model of the paper's ablation at lambda 0.5: DyDiT-S fine-tuned on other data sets than ImageNet.
struct PaperAblation {
  std::string_view decide, skip, order;  ///< as a training here names them; any order where none is named
  double fid;                            ///< mean over five data sets
  bool other_data;                       ///< over four of fine classes instead: static pruning
};

inline constexpr PaperAblation paper_ablation[] = {{"routers", "both", "", 16.94, false},
                                                   {"routers", "widths", "", 20.93, false},
                                                   {"routers", "tokens", "", 35.12, false},
                                                   {"chance", "both", "", 136.01, false},
                                                   {"static", "widths", "magnitude", 35.44, true}};

/// On the four data sets of fine classes: the dynamic model at lambda 0.5, and the dense one.
inline constexpr double paper_fine_dynamic = 13.98, paper_fine_dense = 12.27;

/// Caches and fewer steps on DiT-XL/2 as papers report them: ImageNet 256, guidance 1.5, 50,000 images, each paper on a
/// machine of its own. Speedups are over the paper's own first row; FID.
struct PublishedSampling {
  std::string_view paper, what;
  double speedup, fid;
};

inline constexpr PublishedSampling published_sampling[] = {
    {"Learning-to-Cache", "DDIM 50", 1, 2.264},
    {"", "its cache, 50 steps", 7.245 / 5.568, 2.269},
    {"", "DDIM 20", 7.245 / 2.869, 3.484},
    {"", "its cache, 20 steps", 7.245 / 2.261, 3.455},
    {"SmoothCache", "DDIM 50", 1, 2.28},
    {"", "DDIM 30", 8.34 / 4.88, 2.66},
    {"", "FORA, every 2nd", 8.34 / 5.17, 2.65},
    {"", "FORA, every 3rd", 8.34 / 4.12, 3.31},
    {"", "its cache, 0.18", 8.34 / 4.85, 2.65},
    {"ChebBooster", "DDIM 50", 1, 2.18},
    {"", "DDIM 25", 1.86, 2.75},
    {"", "DDIM 16", 2.68, 4.24},
    {"", "DDIM 12", 3.37, 7.07},
    {"", "TaylorSeer, every 3rd", 1.47, 2.34},
    {"", "TaylorSeer, every 4th", 1.51, 2.49},
    {"", "TaylorSeer, every 5th", 1.66, 2.63},
    {"TokenCache", "DDPM 250", 1, 2.09},
    {"", "DDPM 125", 21.57 / 10.77, 2.13},
    {"", "FORA", 21.57 / 8.60, 2.82},
    {"", "ToCa", 21.57 / 11.13, 2.58},
    {"", "its cache", 21.57 / 10.51, 2.07},
};

/// FID of DiT-XL/2 by 50 steps of DDIM without a cache, from the same weights: as papers on caches and on pruning print
/// it beside their own rows, those above among them.
inline constexpr double published_baselines[] = {2.18, 2.25, 2.26, 2.28, 2.32, 2.43};

}  // namespace dydit::analysis
