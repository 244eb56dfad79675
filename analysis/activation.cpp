// SPDX-License-Identifier: Apache-2.0
#include "analysis/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

/// Positions of the timesteps in ascending order.
std::vector<std::size_t> ascending(const std::vector<std::int64_t>& timesteps) {
  std::vector<std::size_t> order(timesteps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return timesteps[a] < timesteps[b]; });
  return order;
}

/// (K, depth) shares of a tensor (K, depth, H) that does not depend on the images.
MatrixXd width_shares(const Chunk& chunk, const std::string& name, const std::vector<std::size_t>& order) {
  const auto found = chunk.tensors.find(name);
  const bool fits = found != chunk.tensors.end() && found->second.type == checkpoint::DType::f32 &&
                    found->second.shape.size() == 3 && found->second.elements() > 0 &&
                    found->second.shape[0] == std::ssize(order);
  if (!fits) throw InputError("tensor '" + name + "' is missing or has the wrong shape", chunk.file);
  const auto depth = static_cast<Index>(found->second.shape[1]),
             units = static_cast<Index>(found->second.shape[2]);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> values(found->second.as<float>().data(), std::ssize(order) * depth, units);
  MatrixXd shares(std::ssize(order), depth);
  for (Index k = 0; k < shares.rows(); ++k)
    for (Index layer = 0; layer < depth; ++layer)
      shares(k, layer) = values.row(static_cast<Index>(order[static_cast<std::size_t>(k)]) * depth + layer)
                             .cast<double>()
                             .mean();
  return shares;
}

Activation activation_of(const ModelChunks& model, const std::string& name, std::uint64_t seed) {
  const auto order = ascending(model.timesteps());
  const auto steps = static_cast<Index>(order.size());
  const Chunk& first = model.chunks().front();
  Activation result{.model = name,
                    .images = std::ssize(model.images()),
                    .timesteps = {},
                    .depth = 0,
                    .heads = width_shares(first, "heads", order),
                    .groups = width_shares(first, "channels", order),
                    .tokens = {},
                    .tokens_on = {},
                    .kept = {},
                    .kept_near_noise = {}};
  for (const std::size_t k : order) result.timesteps.push_back(model.timesteps()[k]);
  const Index depth = result.heads.cols();
  result.depth = static_cast<std::size_t>(depth);
  result.tokens = MatrixXd::Zero(steps, depth);
  // Tokens and MACs of each timestep, and the difference between the halves.
  MatrixXd values(static_cast<Index>(model.images().size()), 2 * steps + 1);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const Tensor &tokens = place.chunk->floats("tokens", 3), &kept = place.chunk->floats("kept", 2);
    if (tokens.shape[2] != depth || result.groups.cols() != depth)
      throw InputError("the blocks of heads, channels and tokens differ in number", place.chunk->file);
    double halves[2] = {0, 0};
    for (Index k = 0; k < steps; ++k) {
      const std::size_t at = place.row * order.size() + order[static_cast<std::size_t>(k)];
      const auto of_blocks = tokens.as<float>().subspan(at * result.depth, result.depth);
      double sum = 0;
      for (Index layer = 0; layer < depth; ++layer) {
        const double share = of_blocks[static_cast<std::size_t>(layer)];
        result.tokens(k, layer) += share / static_cast<double>(result.images);
        sum += share;
      }
      values(row, k) = sum / static_cast<double>(depth);
      values(row, steps + k) = kept.as<float>()[at];
      halves[2 * k >= steps ? 1 : 0] += values(row, steps + k);
    }
    const auto noisier = static_cast<double>(steps / 2), other = static_cast<double>(steps - steps / 2);
    values(row, 2 * steps) = steps > 1 ? halves[1] / noisier - halves[0] / other : 0;
    ++row;
  }
  const auto intervals = bootstrap_means(values, seed);
  result.tokens_on.assign(intervals.begin(), intervals.begin() + steps);
  result.kept.assign(intervals.begin() + steps, intervals.begin() + 2 * steps);
  result.kept_near_noise = intervals.back();
  return result;
}

}  // namespace

std::vector<Activation> activations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<Activation> result;
  for (const std::string& name : models_of(runs, "activation"))
    result.push_back(activation_of(ModelChunks(runs, "activation", name), name, bootstrap_seed));
  return result;
}

std::string to_csv(const Activation& a) {
  std::string csv =
      "place,timestep,block,heads,groups,tokens,tokens_low,tokens_high,kept,kept_low,kept_high\n";
  for (Index k = 0; k < a.heads.rows(); ++k)
    for (Index layer = 0; layer < a.heads.cols(); ++layer)
      csv += fmt::format("{},{},{},{},{},{},NaN,NaN,NaN,NaN,NaN\n", k,
                         a.timesteps[static_cast<std::size_t>(k)], layer, csv_number(a.heads(k, layer)),
                         csv_number(a.groups(k, layer)), csv_number(a.tokens(k, layer)));
  for (std::size_t k = 0; k < a.timesteps.size(); ++k)
    csv += fmt::format("{},{},-1,{},{}{}{}\n", k, a.timesteps[k],
                       csv_number(a.heads.row(static_cast<Index>(k)).mean()),
                       csv_number(a.groups.row(static_cast<Index>(k)).mean()), csv_interval(a.tokens_on[k]),
                       csv_interval(a.kept[k]));
  return csv;
}

}  // namespace dydit::analysis
