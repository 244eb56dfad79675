// SPDX-License-Identifier: Apache-2.0
#include "analysis/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

/// Positions of the timesteps in ascending order.
std::vector<std::size_t> ascending(const std::vector<double>& timesteps) {
  std::vector<std::size_t> order(timesteps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return timesteps[a] < timesteps[b]; });
  return order;
}

void check_layers(const UnitAxis& axis, Index layers, const std::string& file) {
  if (axis.layers != 0 && static_cast<Index>(axis.layers) != layers)
    throw InputError("tensor '" + axis.name + "' has another number of layers than the manifest says", file);
}

/// (K, layers) shares of a tensor (K, layers, units) that does not depend on the images.
MatrixXd shares_of_times(const Chunk& chunk, const UnitAxis& axis, const std::vector<std::size_t>& order) {
  const auto found = chunk.tensors.find(axis.name);
  const bool fits = found != chunk.tensors.end() && found->second.type == checkpoint::DType::f32 &&
                    found->second.shape.size() == 3 && found->second.elements() > 0 &&
                    found->second.shape[0] == std::ssize(order);
  if (!fits) throw InputError("tensor '" + axis.name + "' is missing or has the wrong shape", chunk.file);
  const auto layers = static_cast<Index>(found->second.shape[1]),
             units = static_cast<Index>(found->second.shape[2]);
  check_layers(axis, layers, chunk.file);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> values(found->second.as<float>().data(), std::ssize(order) * layers, units);
  MatrixXd shares(std::ssize(order), layers);
  for (Index k = 0; k < shares.rows(); ++k)
    for (Index layer = 0; layer < layers; ++layer)
      shares(k, layer) = values.row(static_cast<Index>(order[static_cast<std::size_t>(k)]) * layers + layer)
                             .cast<double>()
                             .mean();
  return shares;
}

/// (K, layers) means over the images of a tensor (N, K, layers); those over the layers go to `values` (N, K).
MatrixXd shares_of_tokens(const ModelChunks& model, const UnitAxis& axis,
                          const std::vector<std::size_t>& order, Eigen::Ref<MatrixXd> values) {
  const Index layers = model.chunks().front().floats(axis.name, 3).shape[2];
  MatrixXd shares = MatrixXd::Zero(std::ssize(order), layers);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const Tensor& tokens = place.chunk->floats(axis.name, 3);
    check_layers(axis, tokens.shape[2], place.chunk->file);
    if (tokens.shape[2] != layers)
      throw InputError("chunks of one model differ in layers", place.chunk->file);
    for (Index k = 0; k < shares.rows(); ++k) {
      const std::size_t at = place.row * order.size() + order[static_cast<std::size_t>(k)],
                        count = static_cast<std::size_t>(layers);
      const auto of_layers = tokens.as<float>().subspan(at * count, count);
      double sum = 0;
      for (Index layer = 0; layer < layers; ++layer) {
        const double share = of_layers[static_cast<std::size_t>(layer)];
        shares(k, layer) += share / static_cast<double>(values.rows());
        sum += share;
      }
      values(row, k) = sum / static_cast<double>(layers);
    }
    ++row;
  }
  return shares;
}

/// One axis: what depends on the times alone has no interval.
UnitShares shares_of(const ModelChunks& model, const UnitAxis& axis, const std::vector<std::size_t>& order,
                     std::uint64_t seed) {
  if (axis.per_token) {
    MatrixXd values(std::ssize(model.images()), std::ssize(order));
    MatrixXd shares = shares_of_tokens(model, axis, order, values);
    return {axis, std::move(shares), bootstrap_means(values, seed)};
  }
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  UnitShares result{axis, shares_of_times(model.chunks().front(), axis, order), {}};
  for (const auto& layers : result.shares.rowwise()) result.on.push_back({layers.mean(), none, none});
  return result;
}

/// The share of the MACs kept at each time (N, K), and in the last column the noisier half's mean less the
/// other's.
MatrixXd kept_of(const ModelChunks& model, const std::vector<std::size_t>& order, const Process& process) {
  const Index steps = std::ssize(order);
  MatrixXd values(std::ssize(model.images()), steps + 1);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const Tensor& kept = place.chunk->floats("kept", 2);
    double halves[2] = {0, 0};
    for (Index k = 0; k < steps; ++k) {
      values(row, k) = kept.as<float>()[place.row * order.size() + order[static_cast<std::size_t>(k)]];
      halves[2 * (process.data_last ? steps - 1 - k : k) >= steps ? 1 : 0] += values(row, k);
    }
    const auto noisier = static_cast<double>(steps / 2), other = static_cast<double>(steps - steps / 2);
    values(row++, steps) = steps > 1 ? halves[1] / noisier - halves[0] / other : 0;
  }
  return values;
}

Activation activation_of(const ModelChunks& model, const std::string& name, const Model& described,
                         const Process& process, std::uint64_t seed) {
  const auto order = ascending(model.timesteps());
  Activation result{.model = name,
                    .images = std::ssize(model.images()),
                    .timesteps = {},
                    .depth = 0,
                    .units = {},
                    .kept = bootstrap_means(kept_of(model, order, process), seed),
                    .kept_near_noise = {}};
  result.kept_near_noise = result.kept.back();
  result.kept.pop_back();
  for (const std::size_t k : order) result.timesteps.push_back(model.timesteps()[k]);
  for (const UnitAxis& axis : described.units) {
    const UnitShares& units = result.units.emplace_back(shares_of(model, axis, order, seed));
    if (axis.layers == 0 && units.shares.cols() != result.units.front().shares.cols())
      throw InputError("the blocks of '" + axis.name + "' and other units differ in number",
                       model.chunks().front().file);
    result.depth = std::max(result.depth, static_cast<std::size_t>(units.shares.cols()));
  }
  return result;
}

}  // namespace

std::vector<Activation> activations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<Activation> result;
  for (const std::string& name : models_of(runs, "activation"))
    result.push_back(activation_of(ModelChunks(runs, "activation", name), name, model_in(runs, name),
                                   process_of(runs.front()), bootstrap_seed));
  return result;
}

std::string to_csv(const Activation& a) {
  std::string csv = "place,timestep,block";
  for (const auto& [axis, shares, on] : a.units)
    for (const char* bound : {"", "_low", "_high"})
      if (*bound == 0 || axis.per_token) csv += fmt::format(",{}", csv_field(axis.column + bound));
  csv += ",kept,kept_low,kept_high\n";
  for (std::size_t k = 0; k < a.timesteps.size(); ++k)
    for (std::size_t layer = 0; layer < a.depth; ++layer) {
      csv += fmt::format("{},{},{}", k, csv_number(a.timesteps[k]), layer);
      for (const auto& [axis, shares, on] : a.units)
        csv += fmt::format(",{}{}",
                           static_cast<Index>(layer) < shares.cols()
                               ? csv_number(shares(static_cast<Index>(k), static_cast<Index>(layer)))
                               : "NaN",
                           axis.per_token ? ",NaN,NaN" : "");
      csv += ",NaN,NaN,NaN\n";
    }
  for (std::size_t k = 0; k < a.timesteps.size(); ++k) {
    csv += fmt::format("{},{},-1", k, csv_number(a.timesteps[k]));
    for (const UnitShares& units : a.units)
      csv +=
          units.axis.per_token ? csv_interval(units.on[k]) : fmt::format(",{}", csv_number(units.on[k].mean));
    csv += csv_interval(a.kept[k]) + "\n";
  }
  return csv;
}

}  // namespace dydit::analysis
