// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_gap.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

#include "base/error.h"
#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using Eigen::Index;
using Eigen::MatrixXd;

namespace {

std::vector<std::int64_t> common(std::vector<std::int64_t> a, std::vector<std::int64_t> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  std::vector<std::int64_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::vector<std::int64_t> indices(const ModelChunks& model) {
  std::vector<std::int64_t> result;
  for (const auto& [index, place] : model.images()) result.push_back(index);
  return result;
}

/// Values (N, K) of a model at the given images and timesteps.
MatrixXd values(const ModelChunks& model, const std::string& name, const std::vector<std::int64_t>& images,
                const std::vector<std::int64_t>& timesteps) {
  std::vector<std::size_t> columns;
  for (const std::int64_t timestep : timesteps)
    columns.push_back(static_cast<std::size_t>(
        std::find(model.timesteps().begin(), model.timesteps().end(), timestep) - model.timesteps().begin()));
  MatrixXd result(static_cast<Index>(images.size()), static_cast<Index>(timesteps.size()));
  for (Index i = 0; i < result.rows(); ++i) {
    const Place place = model.images().at(images[static_cast<std::size_t>(i)]);
    const auto row = place.chunk->floats(name, 2).as<float>().subspan(place.row * model.timesteps().size());
    for (Index k = 0; k < result.cols(); ++k) result(i, k) = row[columns[static_cast<std::size_t>(k)]];
  }
  return result;
}

/// What the manifests say of the models' shapes, by the models' names.
std::map<std::string, record::Json> shapes_of(std::span<const record::Run> runs) {
  std::map<std::string, record::Json> shapes;
  for (const record::Run& run : runs)
    for (const record::Json& model : entry(run, run.manifest, "models", record::Json::array())) {
      record::Json shape = entry(run, model, "configuration", record::Json::object());
      shape.erase("name");  // DiT-S/2 and DyDiT-S/2 are of one size
      shapes[entry(run, model, "name", std::string())] = shape;
    }
  return shapes;
}

bool is_dynamic(const record::Json& shape) {
  return shape.is_object() && shape.value("dynamic", record::Json()) == record::Json(true);
}

/// The place of the last dense model that has a dynamic one's shape; else of the last model.
std::size_t reference_of(const record::Json& shape, const std::vector<std::string>& names,
                         const std::map<std::string, record::Json>& shapes) {
  if (is_dynamic(shape)) {
    record::Json dense = shape;
    for (const char* of_routers : {"dynamic", "first_unit_always_on"}) dense.erase(of_routers);
    for (std::size_t m = names.size(); m-- > 0;)
      if (const auto other = shapes.find(names[m]); other != shapes.end() && other->second == dense) return m;
  }
  return names.size() - 1;
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

  std::vector<std::int64_t> images = indices(chunks.front()), timesteps = chunks.front().timesteps();
  for (const ModelChunks& model : chunks) {
    images = common(images, indices(model));
    timesteps = common(timesteps, model.timesteps());
  }
  if (images.empty() || timesteps.empty())
    throw InputError("the models have no image or timestep in common", runs.front().path.string());

  const auto shapes = shapes_of(runs);
  std::vector<MatrixXd> mse, vb;
  for (const ModelChunks& model : chunks) {
    mse.push_back(values(model, "mse", images, timesteps));
    vb.push_back(values(model, "vb", images, timesteps));
  }
  LossGap result{timesteps, {}, static_cast<std::int64_t>(images.size())};
  for (std::size_t m = 0; m < names.size(); ++m) {
    const auto found = shapes.find(names[m]);
    const record::Json shape = found == shapes.end() ? record::Json() : found->second;
    const std::size_t reference = reference_of(shape, names, shapes);
    ModelLoss& model = result.models.emplace_back(
        ModelLoss{names[m], column_means(mse[m]), column_means(vb[m]), {}, {}, reference, is_dynamic(shape)});
    model.image_gap.assign(images.size(), 0);
    if (m + 1 == names.size()) break;
    MatrixXd difference(mse[m].rows(), 2 * mse[m].cols() + 1);
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
  for (const ModelLoss& model : result.models)
    for (std::size_t k = 0; k < result.timesteps.size(); ++k) {
      csv += fmt::format("{},{},{},{}", result.timesteps[k], result.images, csv_number(model.mse[k]),
                         csv_number(model.vb[k]));
      csv +=
          model.mse_gap.empty() ? ",,,,,," : csv_interval(model.mse_gap[k]) + csv_interval(model.vb_gap[k]);
      csv += fmt::format(",{}\n", csv_field(model.model));
    }
  return csv;
}

}  // namespace dydit::analysis
