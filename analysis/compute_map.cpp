// SPDX-License-Identifier: Apache-2.0
#include "analysis/compute_map.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using Eigen::Index;

namespace {

/// Ranks less their mean; ties share theirs.
Eigen::VectorXd centred_ranks(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  Eigen::VectorXd ranks(std::ssize(values));
  for (Index i = 0; i < ranks.size(); ++i) {
    const auto [first, end] = std::equal_range(sorted.begin(), sorted.end(), values[static_cast<std::size_t>(i)]);
    ranks(i) = static_cast<double>((first - sorted.begin()) + (end - sorted.begin()) - std::ssize(sorted)) / 2;
  }
  return ranks;
}

/// Standard deviation within each of the grid's g x g patches, of the channels' mean variance: a patch of one
/// colour has none.
std::vector<double> detail_of(const Tensor& images, std::size_t row, std::int64_t grid) {
  const std::int64_t channels = images.shape[1], side = images.shape[2], patch = side / grid;
  const auto pixels = static_cast<std::size_t>(side * side);
  const auto image = images.as<float>().subspan(row * static_cast<std::size_t>(channels) * pixels,
                                                static_cast<std::size_t>(channels) * pixels);
  std::vector<double> variances(static_cast<std::size_t>(grid * grid));
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto channel = image.subspan(static_cast<std::size_t>(c) * pixels, pixels);
    std::vector<float> squares(channel.begin(), channel.end());
    for (float& value : squares) value *= value;
    const auto means = token_means(channel, side, side, patch), mean_squares = token_means(squares, side, side, patch);
    for (std::size_t token = 0; token < variances.size(); ++token)
      variances[token] += (mean_squares[token] - means[token] * means[token]) / static_cast<double>(channels);
  }
  for (double& variance : variances) variance = std::sqrt(std::max(0.0, variance));
  return variances;
}

/// Equal shares of blocks and draws that were summed in another order differ in their last bits: they are
/// ties.
std::vector<double> rounded(std::span<const float> shares) {
  std::vector<double> values(shares.begin(), shares.end());
  for (double& value : values) value = std::round(value * 1e5) / 1e5;
  return values;
}

ComputeMap map_of(const ModelChunks& model, std::uint64_t seed) {
  const Index steps = std::ssize(model.timesteps());
  Eigen::MatrixXd values(std::ssize(model.images()), 3 * steps + 1);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const auto &compute = place.chunk->floats("compute", 4).shape, &loss = place.chunk->floats("loss", 4).shape;
    const Tensor& image = place.chunk->floats("image", 4);
    const std::int64_t grid = compute[2];
    const bool fits =
        compute == loss && compute[3] == grid && image.shape[2] == image.shape[3] && image.shape[2] % grid == 0;
    if (!fits) throw InputError("compute map, loss and image do not fit together", place.chunk->file);
    const auto detail = detail_of(image, place.row, grid);
    for (Index k = 0; k < steps; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const auto shares = rounded(place.values("compute", 4, at));
      const auto losses = place.values("loss", 4, at);
      values(row, k) = std::accumulate(shares.begin(), shares.end(), 0.0) / static_cast<double>(shares.size());
      values(row, steps + k) = rank_correlation(shares, std::vector<double>(losses.begin(), losses.end()));
      values(row, 2 * steps + k) = rank_correlation(shares, detail);
    }
    values(row, 3 * steps) = values.row(row).segment(2 * steps, steps).mean();
    ++row;
  }
  const auto intervals = bootstrap_means(values, seed);
  const auto part = [&](Index first) {
    return std::vector<Interval>(intervals.begin() + first, intervals.begin() + first + steps);
  };
  return {model.name(), values.rows(), model.timesteps(), part(0), part(steps), part(2 * steps), intervals.back()};
}

}  // namespace

double rank_correlation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw InputError("lists of different lengths have no rank correlation");
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(a.begin(), a.end(), finite) || !std::all_of(b.begin(), b.end(), finite)) return std::nan("");
  const auto x = centred_ranks(a), y = centred_ranks(b);
  const double norms = x.squaredNorm() * y.squaredNorm();
  return norms == 0 ? 0 : x.dot(y) / std::sqrt(norms);
}

std::vector<ComputeMap> compute_maps(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<ComputeMap> maps;
  for (const ModelChunks& model : chunks_of(runs, "compute-map")) maps.push_back(map_of(model, bootstrap_seed));
  return maps;
}

std::string to_csv(const std::vector<ComputeMap>& maps) {
  std::string csv =
      "timestep,images,compute,compute_low,compute_high,with_loss,with_loss_low,with_loss_high,with_detail,"
      "with_detail_low,with_detail_high,model\n";
  for (const ComputeMap& map : maps)
    for (std::size_t k = 0; k < map.timesteps.size(); ++k)
      csv += csv_line(map.timesteps[k], map.images, map.compute[k], map.with_loss[k], map.with_detail[k], map.model);
  return csv;
}

}  // namespace dydit::analysis
