// SPDX-License-Identifier: Apache-2.0
// The loss map: where in the image the loss is, and how much of it a few tokens hold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Concentration of the loss over an image's tokens, mean over the images, one value for each timestep.
struct ModelConcentration {
  std::string model;
  std::int64_t images;
  std::vector<double> timesteps;
  std::vector<Interval> gini, hardest_share;
  Concentration chance;  ///< what equally hard tokens would show with as many draws and values per token
};

/// One for each model with "loss-map" records. Tokens are patches of the axis "patch".
std::vector<ModelConcentration> concentrations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed = 0);

/// One row for each model and timestep, the name last.
std::string to_csv(const std::vector<ModelConcentration>& result);

/// An image with its loss maps.
struct MapRow {
  std::int64_t index;
  std::vector<std::uint8_t> rgb;         ///< (height, width, 3)
  std::vector<std::vector<float>> maps;  ///< one (height, width) for each timestep of the grid
};

/// Maps of what: of the loss ("loss-map" records), or of the share of the blocks that work on a token
/// ("compute-map").
enum class Mapped { loss, compute };

/// What one figure of maps shows of a model: images (height, width) in pixels, and maps of one value for each
/// `token` x `token` pixels, by rows.
struct MapGrid {
  Mapped mapped;
  std::string model;
  std::int64_t height, width, token;
  std::vector<double> timesteps;
  std::vector<MapRow> rows;
};

/// How many images the profile of the first run shows, and whether each loss map has its own scale.
struct ShownMaps {
  std::size_t shown;
  bool normalise_each;
};
ShownMaps maps_of_profile(std::span<const record::Run> runs);

/// Shows `images` images, each the first of its class where the tensors hold a `label` i64 (n), in the order
/// of their indices; every model the same. At most `columns` timesteps, spread over those of the run. One
/// grid for each model, the reference (the last) first.
std::vector<MapGrid> map_grids(std::span<const record::Run> runs, Mapped mapped, std::size_t images = 6,
                               std::size_t columns = 7);

/// Row `row` of an image tensor (N, C, H, W) in [-1, 1] as bytes, three for each pixel; one channel is grey, of more
/// than three (latents) the first three are shown. Not a number is black.
std::vector<std::uint8_t> rgb_of(const checkpoint::Tensor& images, std::size_t row);

}  // namespace dydit::analysis
