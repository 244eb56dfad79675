// SPDX-License-Identifier: Apache-2.0
#include "analysis/activation.h"

#include <algorithm>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using Eigen::Index;
using Eigen::MatrixXd;

namespace {

void check_layers(const UnitAxis& axis, std::size_t layers, const std::string& file) {
  if (axis.layers != 0 && axis.layers != layers)
    throw InputError("tensor '" + axis.name + "' has another number of layers than the manifest says", file);
}

/// What depends on the times alone, from a tensor (K, layers, units): no interval.
UnitShares shares_of_times(const Chunk& chunk, const UnitAxis& axis) {
  const auto found = chunk.tensors.find(axis.name);
  const bool fits = found != chunk.tensors.end() && found->second.type == checkpoint::DType::f32 &&
                    found->second.shape.size() == 3 && found->second.elements() > 0 &&
                    found->second.shape[0] == std::ssize(chunk.order);
  if (!fits) throw InputError("tensor '" + axis.name + "' is missing or has the wrong shape", chunk.file);
  const auto& shape = found->second.shape;
  check_layers(axis, static_cast<std::size_t>(shape[1]), chunk.file);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> values(found->second.as<float>().data(), shape[0] * shape[1], shape[2]);
  UnitShares result{axis, MatrixXd(shape[0], shape[1]), {}};
  for (Index k = 0; k < shape[0]; ++k) {
    const auto at = static_cast<Index>(chunk.order[static_cast<std::size_t>(k)]);
    for (Index layer = 0; layer < shape[1]; ++layer)
      result.shares(k, layer) = values.row(at * shape[1] + layer).cast<double>().mean();
    result.on.push_back({result.shares.row(k).mean(), missing, missing});
  }
  return result;
}

/// Means over the images, from tensors (N, K, layers).
UnitShares shares_of_tokens(const ModelChunks& model, const UnitAxis& axis, std::uint64_t seed) {
  const std::size_t times = model.timesteps().size(),
                    layers = model.images().begin()->second.values(axis.name, 3, 0).size();
  MatrixXd shares = MatrixXd::Zero(static_cast<Index>(times), static_cast<Index>(layers)),
           on(std::ssize(model.images()), shares.rows());
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    for (Index k = 0; k < shares.rows(); ++k) {
      const auto values = place.values(axis.name, 3, static_cast<std::size_t>(k));
      check_layers(axis, values.size(), place.chunk->file);
      if (values.size() != layers) throw InputError("chunks of one model differ in layers", place.chunk->file);
      const Eigen::RowVectorXd of_layers =
          Eigen::Map<const Eigen::RowVectorXf>(values.data(), shares.cols()).cast<double>();
      shares.row(k) += of_layers / static_cast<double>(on.rows());
      on(row, k) = of_layers.mean();
    }
    ++row;
  }
  return {axis, std::move(shares), bootstrap_means(on, seed)};
}

/// The share of the MACs kept at each time (N, K), and in the last column the noisier half's mean less the
/// other's.
MatrixXd kept_of(const ModelChunks& model, const Process& process) {
  const Index steps = std::ssize(model.timesteps()), half = steps / 2;
  MatrixXd values(std::ssize(model.images()), steps + 1);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    for (Index k = 0; k < steps; ++k) values(row, k) = place.values("kept", 2, static_cast<std::size_t>(k)).front();
    const auto noisier = values.row(row).segment(process.data_last ? 0 : steps - half, half),
               others = values.row(row).segment(process.data_last ? half : 0, steps - half);
    values(row, steps) = half > 0 ? noisier.mean() - others.mean() : 0;
    ++row;
  }
  return values;
}

Activation activation_of(const ModelChunks& model, const Model& described, const Process& process, std::uint64_t seed) {
  Activation result{.model = model.name(),
                    .images = std::ssize(model.images()),
                    .timesteps = model.timesteps(),
                    .depth = 0,
                    .units = {},
                    .kept = bootstrap_means(kept_of(model, process), seed),
                    .kept_near_noise = {}};
  result.kept_near_noise = result.kept.back();
  result.kept.pop_back();
  const Chunk& first = model.chunks().front();
  for (const UnitAxis& axis : described.units) {
    const UnitShares& units =
        result.units.emplace_back(axis.per_token ? shares_of_tokens(model, axis, seed) : shares_of_times(first, axis));
    if (axis.layers == 0 && units.shares.cols() != result.units.front().shares.cols())
      throw InputError("the blocks of '" + axis.name + "' and other units differ in number", first.file);
    result.depth = std::max(result.depth, static_cast<std::size_t>(units.shares.cols()));
  }
  return result;
}

}  // namespace

std::vector<Activation> activations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<Activation> result;
  for (const ModelChunks& model : chunks_of(runs, "activation"))
    result.push_back(activation_of(model, model_in(runs, model.name()), process_of(runs.front()), bootstrap_seed));
  return result;
}

std::string to_csv(const Activation& a) {
  std::string csv = "place,timestep,block";
  for (const UnitShares& units : a.units)
    for (const char* bound : {"", "_low", "_high"})
      if (*bound == 0 || units.axis.per_token) csv += fmt::format(",{}", csv_field(units.axis.column + bound));
  csv += ",kept,kept_low,kept_high\n";
  const auto line = [&](std::size_t k, std::int64_t block, auto share_of, const Interval& kept) {
    csv += fmt::format("{},{},{}", k, csv_field(a.timesteps[k]), block);
    for (const UnitShares& units : a.units) {
      const Interval share = share_of(units);
      csv += fmt::format(",{}", units.axis.per_token ? csv_field(share) : csv_field(share.mean));
    }
    csv += fmt::format(",{}\n", csv_field(kept));
  };
  for (std::size_t k = 0; k < a.timesteps.size(); ++k)
    for (Index block = 0; block < static_cast<Index>(a.depth); ++block) {
      const auto of_block = [&](const UnitShares& units) {
        const bool has = block < units.shares.cols();
        return Interval{has ? units.shares(static_cast<Index>(k), block) : missing, missing, missing};
      };
      line(k, block, of_block, no_interval);
    }
  for (std::size_t k = 0; k < a.timesteps.size(); ++k)
    line(
        k, -1, [&](const UnitShares& units) { return units.on[k]; }, a.kept[k]);
  return csv;
}

}  // namespace dydit::analysis
