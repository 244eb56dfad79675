// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_gap.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "analysis/manifest.h"
#include "base/error.h"
#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using Eigen::Index;
using Eigen::MatrixXd;

namespace {

template <typename T>
std::vector<T> common(std::vector<T> a, std::vector<T> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  std::vector<T> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::vector<std::int64_t> indices(const ModelChunks& model) {
  std::vector<std::int64_t> result;
  for (const auto& [index, place] : model.images()) result.push_back(index);
  return result;
}

/// Where a model has these timesteps.
std::vector<std::size_t> columns_of(const ModelChunks& model, const std::vector<double>& timesteps) {
  std::vector<std::size_t> columns;
  for (const double timestep : timesteps)
    columns.push_back(static_cast<std::size_t>(
        std::find(model.timesteps().begin(), model.timesteps().end(), timestep) - model.timesteps().begin()));
  return columns;
}

/// Values (N, K) of a model at the given images and timesteps.
MatrixXd values(const ModelChunks& model, const std::string& name, const std::vector<std::int64_t>& images,
                const std::vector<double>& timesteps) {
  const auto columns = columns_of(model, timesteps);
  MatrixXd result(static_cast<Index>(images.size()), static_cast<Index>(timesteps.size()));
  for (Index i = 0; i < result.rows(); ++i) {
    const Place place = model.images().at(images[static_cast<std::size_t>(i)]);
    const auto row = place.chunk->floats(name, 2).as<float>().subspan(place.row * model.timesteps().size());
    for (Index k = 0; k < result.cols(); ++k) result(i, k) = row[columns[static_cast<std::size_t>(k)]];
  }
  return result;
}

/// What the first model whose records say it says of these timesteps.
std::vector<double> of_times(const std::vector<ModelChunks>& models, const char* name,
                             const std::vector<double>& timesteps) {
  std::vector<double> result;
  for (const ModelChunks& model : models)
    if (const auto all = model.chunks().front().of_times(name); !all.empty() && result.empty())
      for (const std::size_t column : columns_of(model, timesteps)) result.push_back(all[column]);
  return result;
}

bool has_vb(const ModelChunks& model) {
  return std::all_of(model.chunks().begin(), model.chunks().end(),
                     [](const Chunk& chunk) { return chunk.tensors.contains("vb"); });
}

/// The place of the last dense model of a dynamic one's size; else of the last model.
std::size_t reference_of(const Model& model, const std::vector<Model>& models) {
  for (std::size_t m = models.size(); model.dynamic && m-- > 0;)
    if (!models[m].dynamic && models[m].dense == model.dense) return m;
  return models.size() - 1;
}

std::vector<double> column_means(const MatrixXd& matrix) {
  const Eigen::VectorXd means = matrix.colwise().mean();
  return {means.begin(), means.end()};
}

}  // namespace

double ModelLoss::mean_mse() const {
  return std::accumulate(mse.begin(), mse.end(), 0.0) / static_cast<double>(mse.size());
}

std::optional<LossGap> loss_gap(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  const auto names = models_of(runs, "loss-gap");
  if (names.empty()) return std::nullopt;
  require_paired(runs, "loss-gap");
  std::vector<ModelChunks> chunks;
  for (const std::string& name : names) chunks.emplace_back(runs, "loss-gap", name);

  std::vector<std::int64_t> images = indices(chunks.front());
  std::vector<double> timesteps = chunks.front().timesteps();
  for (const ModelChunks& model : chunks) {
    images = common(images, indices(model));
    timesteps = common(timesteps, model.timesteps());
  }
  if (images.empty() || timesteps.empty())
    throw InputError("the models have no image or timestep in common", runs.front().path.string());

  const bool bits = std::all_of(chunks.begin(), chunks.end(), has_vb);
  std::vector<MatrixXd> mse, vb;
  std::vector<Model> models;
  for (std::size_t m = 0; m < names.size(); ++m) {
    mse.push_back(values(chunks[m], "mse", images, timesteps));
    vb.push_back(bits ? values(chunks[m], "vb", images, timesteps) : MatrixXd(mse[m].rows(), 0));
    models.push_back(model_in(runs, names[m]));
  }
  LossGap result{timesteps,
                 {},
                 std::ssize(images),
                 of_times(chunks, "log_snr", timesteps),
                 of_times(chunks, "epsilon_factor", timesteps)};
  for (std::size_t m = 0; m < names.size(); ++m) {
    const std::size_t reference = reference_of(models[m], models);
    ModelLoss& model = result.models.emplace_back(
        ModelLoss{names[m], column_means(mse[m]), column_means(vb[m]), {}, {}, reference, models[m].dynamic});
    model.image_gap.assign(images.size(), 0);
    if (m + 1 == names.size()) break;
    MatrixXd difference(mse[m].rows(), mse[m].cols() + vb[m].cols() + 1);
    difference << mse[m] - mse[reference], vb[m] - vb[reference], (mse[m] - mse[reference]).rowwise().mean();
    const auto intervals = bootstrap_means(difference, bootstrap_seed);
    const auto middle = intervals.begin() + mse[m].cols();
    model.mse_gap.assign(intervals.begin(), middle);
    model.vb_gap.assign(middle, intervals.end() - 1);
    model.mean_gap = intervals.back();
    const Eigen::VectorXd by_image = difference.rightCols(1);
    model.image_gap.assign(by_image.begin(), by_image.end());
  }
  return result;
}

std::string to_csv(const LossGap& result) {
  std::string csv =
      "timestep,images,mse,vb,mse_gap,mse_gap_low,mse_gap_high,vb_gap,vb_gap_low,vb_gap_high,model\n";
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  constexpr Interval no_interval{none, none, none};
  for (const ModelLoss& model : result.models)
    for (std::size_t k = 0; k < result.timesteps.size(); ++k) {
      csv += fmt::format("{},{},{},{}", csv_number(result.timesteps[k]), result.images,
                         csv_number(model.mse[k]), csv_number(model.vb.empty() ? none : model.vb[k]));
      csv += model.mse_gap.empty() ? ",,,,,,"
                                   : csv_interval(model.mse_gap[k]) +
                                         csv_interval(model.vb_gap.empty() ? no_interval : model.vb_gap[k]);
      csv += fmt::format(",{}\n", csv_field(model.model));
    }
  return csv;
}

}  // namespace dydit::analysis
