// SPDX-License-Identifier: Apache-2.0
#include "study/loss_gap.h"

#include "base/interrupt.h"
#include "instrument/stopwatch.h"
#include "model/weights.h"
#include "record/metric.h"

namespace dydit::study {

namespace {

using record::Json;
using torch::Tensor;

// What one model gathers on a chunk.
struct Columns {
  explicit Columns(torch::Device device) : forward(device), terms(device) {}

  std::vector<Tensor> mse, vb;  // for each timestep (N)
  instrument::Stopwatch forward, terms;
};

void judge(Model& model, const diffusion::GaussianDiffusion& diffusion, const Chunk& chunk, const Noised& at,
           Columns& columns) {
  columns.forward.start();
  const Tensor output = model.forward(at.x_t, at.t, chunk.labels);
  columns.forward.stop();
  columns.terms.start();
  const auto terms = diffusion.loss_terms(output.to(torch::kFloat32), chunk.images, at.x_t, at.t, at.noise);
  columns.mse.push_back(terms.mse);
  columns.vb.push_back(terms.vb);
  columns.terms.stop();
}

}  // namespace

void loss_gap(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
              const Setting& setting, record::RunDirectory* run) {
  torch::InferenceMode inference;
  std::vector<diffusion::GaussianDiffusion> diffusions;
  std::vector<std::vector<std::string>> hashes;
  for (const Model& model : models) {
    diffusions.push_back(diffusion_for(setting, model.dit));
    hashes.push_back(input_hashes(setting, model, *images));
  }
  const RecordOf cell = [&](std::size_t m, std::int64_t first, std::int64_t count) -> record::Record {
    const Json axes = chunk_axes(setting, models[m], first, count);
    return {.cell = record::cell_hash("loss-gap", axes, hashes[m], setting.seed),
            .study = "loss-gap",
            .axes = axes};
  };
  const auto work = [&](const Chunk& chunk, const std::vector<std::size_t>& missing, const Emit& emit) {
    const auto n = static_cast<std::int64_t>(chunk.indices.size());
    std::vector<Columns> columns;
    for (std::size_t m = 0; m < models.size(); ++m) columns.emplace_back(setting.device);
    instrument::Stopwatch shared(setting.device);
    for (std::int64_t timestep : setting.timesteps) {
      stop_if_interrupted();
      shared.start();
      const Noised at = noised(setting, chunk, diffusions.front(), timestep);
      shared.stop();
      for (std::size_t m : missing) judge(models[m], diffusions[m], chunk, at, columns[m]);
    }
    for (std::size_t m : missing) {
      const Tensor mse = torch::stack(columns[m].mse, 1).cpu(), vb = torch::stack(columns[m].vb, 1).cpu();
      record::Record record = cell(m, chunk.first, chunk.count);
      record.tensors = {tensors_name(record)};
      finish_record(record, chunk, torch::cat({mse, vb}));
      // The noise and x_t that all models share count in full for each: what a study of it alone would take.
      const double passes = static_cast<double>(n) * static_cast<double>(setting.timesteps.size());
      const double forward = columns[m].forward.seconds();
      record.metrics["images_per_second"] = record::measured(
          "images_per_second", passes / (forward + columns[m].terms.seconds() + shared.seconds()));
      record.metrics["forward_images_per_second"] =
          record::measured("forward_images_per_second", passes / forward);
      emit({.record = record,
            .tensors = {{"index", model::from_torch(torch::tensor(chunk.indices, torch::kInt64))},
                        {"timestep", model::from_torch(torch::tensor(setting.timesteps, torch::kInt64))},
                        {"mse", model::from_torch(mse)},
                        {"vb", model::from_torch(vb)}}});
    }
  };
  for_each_chunk("loss gap", setting, images, models.size(), run, cell, work);
}

}  // namespace dydit::study
