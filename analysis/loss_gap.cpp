// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_gap.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "analysis/manifest.h"
#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using Eigen::Index;
using Eigen::MatrixXd;

namespace {

/// Of two ascending lists.
template <typename T>
std::vector<T> common(const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<T> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::vector<std::int64_t> indices(const ModelChunks& model) {
  std::vector<std::int64_t> result;
  for (const auto& [index, place] : model.images()) result.push_back(index);
  return result;
}

/// Where a model has a timestep.
std::size_t place_of(const ModelChunks& model, double timestep) {
  const auto& all = model.timesteps();
  return static_cast<std::size_t>(std::find(all.begin(), all.end(), timestep) - all.begin());
}

/// Values (N, K) of a model at the given images and timesteps.
MatrixXd values(const ModelChunks& model, const std::string& name, const std::vector<std::int64_t>& images,
                const std::vector<double>& timesteps) {
  MatrixXd result(std::ssize(images), std::ssize(timesteps));
  for (std::size_t k = 0; k < timesteps.size(); ++k) {
    const std::size_t place = place_of(model, timesteps[k]);
    for (std::size_t i = 0; i < images.size(); ++i)
      result(static_cast<Index>(i), static_cast<Index>(k)) =
          model.images().at(images[i]).values(name, 2, place).front();
  }
  return result;
}

/// What the first model whose records say it says of these timesteps.
std::vector<double> of_times(const std::vector<ModelChunks>& models, const char* name,
                             const std::vector<double>& timesteps) {
  std::vector<double> result;
  for (const ModelChunks& model : models)
    if (const auto all = model.chunks().front().of_times(name); !all.empty() && result.empty())
      for (const double timestep : timesteps) result.push_back(all[place_of(model, timestep)]);
  return result;
}

bool has_vb(const ModelChunks& model) {
  return std::all_of(model.chunks().begin(), model.chunks().end(),
                     [](const Chunk& chunk) { return chunk.tensors.contains("vb"); });
}

/// The place of the dense model of its size that follows a dynamic one first, or of the last before it; else of the
/// last model.
std::size_t reference_of(std::size_t model, const std::vector<Model>& models) {
  std::size_t before = models.size() - 1;
  for (std::size_t m = 0; models[model].dynamic && m < models.size(); ++m) {
    if (models[m].dynamic || models[m].dense != models[model].dense) continue;
    if (m > model) return m;
    before = m;
  }
  return before;
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
  if (models_of(runs, "loss-gap").empty()) return std::nullopt;
  require_paired(runs, "loss-gap");
  const auto chunks = chunks_of(runs, "loss-gap");

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
  for (const ModelChunks& model : chunks) {
    mse.push_back(values(model, "mse", images, timesteps));
    vb.push_back(bits ? values(model, "vb", images, timesteps) : MatrixXd(std::ssize(images), 0));
    models.push_back(model_in(runs, model.name()));
  }
  LossGap result{timesteps,
                 {},
                 std::ssize(images),
                 of_times(chunks, "log_snr", timesteps),
                 of_times(chunks, "epsilon_factor", timesteps)};
  for (std::size_t m = 0; m < chunks.size(); ++m) {
    const std::size_t reference = reference_of(m, models);
    ModelLoss& model = result.models.emplace_back(
        ModelLoss{chunks[m].name(), column_means(mse[m]), column_means(vb[m]), {}, {}, reference, models[m].dynamic});
    model.image_gap.assign(images.size(), 0);
    if (m + 1 == chunks.size()) break;
    MatrixXd difference(mse[m].rows(), mse[m].cols() + vb[m].cols() + 1);
    difference << mse[m] - mse[reference], vb[m] - vb[reference], (mse[m] - mse[reference]).rowwise().mean();
    const auto intervals = bootstrap_means(difference, bootstrap_seed);
    const auto middle = intervals.begin() + mse[m].cols();
    model.mse_gap.assign(intervals.begin(), middle);
    model.vb_gap.assign(middle, intervals.end() - 1);
    model.mean_gap = intervals.back();
    Eigen::Map<Eigen::VectorXd>(model.image_gap.data(), difference.rows()) = difference.rightCols<1>();
  }
  return result;
}

std::string to_csv(const LossGap& result) {
  std::string csv = "timestep,images,mse,vb,mse_gap,mse_gap_low,mse_gap_high,vb_gap,vb_gap_low,vb_gap_high,model\n";
  for (const ModelLoss& model : result.models)
    for (std::size_t k = 0; k < result.timesteps.size(); ++k)
      csv += fmt::format("{},{},{},{},{},{}\n", csv_field(result.timesteps[k]), result.images, csv_field(model.mse[k]),
                         csv_field(model.vb.empty() ? missing : model.vb[k]),
                         model.mse_gap.empty() ? ",,,,,"
                                               : csv_field(model.mse_gap[k]) + "," +
                                                     csv_field(model.vb_gap.empty() ? no_interval : model.vb_gap[k]),
                         csv_field(model.model));
  return csv;
}

}  // namespace dydit::analysis
