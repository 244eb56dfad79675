// SPDX-License-Identifier: Apache-2.0
#include "analysis/compute_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using Eigen::Index;

namespace {

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) result[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return result;
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
    const auto means = token_means(channel, side, side, patch),
               mean_squares = token_means(squares, side, side, patch);
    for (std::size_t token = 0; token < variances.size(); ++token)
      variances[token] += (mean_squares[token] - means[token] * means[token]) / static_cast<double>(channels);
  }
  for (double& variance : variances) variance = std::sqrt(std::max(0.0, variance));
  return variances;
}

std::vector<double> token_values(const Tensor& maps, std::size_t at, std::size_t tokens) {
  const auto values = maps.as<float>().subspan(at * tokens, tokens);
  return {values.begin(), values.end()};
}

/// Equal shares of blocks and draws that were summed in another order differ in their last bits: they are
/// ties.
std::vector<double> shares(const Tensor& maps, std::size_t at, std::size_t tokens) {
  std::vector<double> values = token_values(maps, at, tokens);
  for (double& value : values) value = std::round(value * 1e5) / 1e5;
  return values;
}

ComputeMap map_of(const ModelChunks& model, const std::string& name, std::uint64_t seed) {
  const auto steps = static_cast<Index>(model.timesteps().size());
  Eigen::MatrixXd values(static_cast<Index>(model.images().size()), 3 * steps + 1);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const Tensor &compute = place.chunk->floats("compute", 4), &loss = place.chunk->floats("loss", 4),
                 &image = place.chunk->floats("image", 4);
    const std::int64_t grid = compute.shape[2];
    const bool fits = compute.shape == loss.shape && compute.shape[3] == grid &&
                      image.shape[2] == image.shape[3] && image.shape[2] % grid == 0;
    if (!fits) throw InputError("compute map, loss and image do not fit together", place.chunk->file);
    const auto tokens = static_cast<std::size_t>(grid * grid);
    const auto detail = detail_of(image, place.row, grid);
    for (Index k = 0; k < steps; ++k) {
      const std::size_t at = place.row * model.timesteps().size() + static_cast<std::size_t>(k);
      const auto computed = shares(compute, at, tokens);
      values(row, k) = std::accumulate(computed.begin(), computed.end(), 0.0) / static_cast<double>(tokens);
      values(row, steps + k) = rank_correlation(computed, token_values(loss, at, tokens));
      values(row, 2 * steps + k) = rank_correlation(computed, detail);
    }
    values(row, 3 * steps) = values.row(row).segment(2 * steps, steps).mean();
    ++row;
  }
  const auto intervals = bootstrap_means(values, seed);
  const auto part = [&](Index first) {
    return std::vector<Interval>(intervals.begin() + first, intervals.begin() + first + steps);
  };
  return {name,
          std::ssize(model.images()),
          model.timesteps(),
          part(0),
          part(steps),
          part(2 * steps),
          intervals.back()};
}

}  // namespace

double rank_correlation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw InputError("lists of different lengths have no rank correlation");
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(a.begin(), a.end(), finite) || !std::all_of(b.begin(), b.end(), finite))
    return std::nan("");
  const auto x = ranks(a), y = ranks(b);
  const double mean = (static_cast<double>(x.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy);
}

std::vector<ComputeMap> compute_maps(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<ComputeMap> maps;
  for (const std::string& name : models_of(runs, "compute-map"))
    maps.push_back(map_of(ModelChunks(runs, "compute-map", name), name, bootstrap_seed));
  return maps;
}

std::string to_csv(const std::vector<ComputeMap>& maps) {
  std::string csv =
      "timestep,images,compute,compute_low,compute_high,with_loss,with_loss_low,with_loss_high,with_detail,"
      "with_detail_low,with_detail_high,model\n";
  for (const ComputeMap& map : maps)
    for (std::size_t k = 0; k < map.timesteps.size(); ++k)
      csv += fmt::format("{},{}{}{}{},{}\n", csv_number(map.timesteps[k]), map.images,
                         csv_interval(map.compute[k]), csv_interval(map.with_loss[k]),
                         csv_interval(map.with_detail[k]), csv_field(map.model));
  return csv;
}

}  // namespace dydit::analysis
