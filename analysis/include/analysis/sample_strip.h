// SPDX-License-Identifier: Apache-2.0
// What trajectories of one model drew from the same noise and labels.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/combinations.h"
#include "analysis/figure.h"
#include "analysis/quality_front.h"

namespace dydit::analysis {

/// The images of one cell.
struct StripRow {
  const SamplingCell* cell;
  std::string name, detail;                    ///< two lines beside them
  std::vector<std::vector<std::uint8_t>> rgb;  ///< of each image three bytes a pixel
  double distance;  ///< |images - those of the first row| / |those of the first row|, the mean over the images
};

struct Strip {
  std::int64_t height = 0, width = 0;
  std::vector<StripRow> rows;
};

/// At most `images` pictures of each row: the reference, then by the reference's sampler in its number of steps each
/// engine with each cache, then of each engine the fastest cell, which has its row before others where there are more
/// than `most`. Nothing where the reference's images are
/// not there, or are no pictures (3 channels); a cell without images has no row. Throws InputError for images of
/// several sizes. `study` and `runs` must outlive it.
std::optional<Strip> strip_of(const SamplingStudy& study, std::span<const record::Run> runs, std::size_t images = 3,
                              std::size_t most = 8);

/// The same of all models: the slowest complete one without a cache, and the cells on the front from the slowest to the
/// fastest, of those close in time not all where there are more than `most`. `front` must outlive it.
std::optional<Strip> strip_of(const QualityFront& front, std::span<const record::Run> runs, std::size_t images = 6,
                              std::size_t most = 7);

/// A row for each cell with its name and details, a column for each image.
Figure strip_figure(const Strip& strip, const std::string& name);

}  // namespace dydit::analysis
