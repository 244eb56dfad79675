// SPDX-License-Identifier: Apache-2.0
#include "study/loss_map.h"

#include "base/interrupt.h"
#include "model/weights.h"

namespace dydit::study {

namespace {

using record::Json;
using torch::Tensor;

// (N,H,W): mean over channels and draws of the squared epsilon error at one timestep.
Tensor error_map(Model& model, const diffusion::GaussianDiffusion& diffusion, const Setting& setting,
                 const Chunk& chunk, std::int64_t timestep, std::int64_t draws) {
  const auto n = chunk.images.size(0), channels = chunk.images.size(1);
  const Tensor t =
      torch::full({n}, timestep, torch::TensorOptions().dtype(torch::kInt64).device(setting.device));
  Tensor sum;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const Tensor noise = noise_for(setting, chunk, timestep, draw);
    const Tensor x_t = diffusion.q_sample(chunk.images, t, noise);
    const Tensor epsilon =
        model.dit->forward(x_t, t, chunk.labels).to(torch::kFloat32).narrow(1, 0, channels);
    const Tensor error = (noise - epsilon).square().mean(1);
    sum = draw == 0 ? error : sum + error;
  }
  return sum / draws;
}

}  // namespace

void loss_map(std::vector<Model>& models, const std::shared_ptr<const data::Subset>& images,
              const Setting& setting, std::int64_t draws, record::RunDirectory* run) {
  torch::InferenceMode inference;
  std::vector<std::vector<std::string>> hashes;
  for (const Model& model : models) hashes.push_back(input_hashes(setting, model, *images));
  const Cell cell = [&](std::size_t m, std::int64_t first, std::int64_t count) -> record::Record {
    Json axes = chunk_axes(setting, models[m], first, count);
    axes["draws"] = draws;
    axes["patch"] = models[m].dit->configuration.patch_size;
    return {.cell = record::cell_hash("loss-map", axes, hashes[m], setting.seed),
            .study = "loss-map",
            .axes = axes};
  };
  const auto work = [&](const Chunk& chunk, const std::vector<std::size_t>& missing, const Emit& emit) {
    for (std::size_t m : missing) {
      const auto diffusion = diffusion_for(setting, models[m].dit);
      std::vector<Tensor> maps;
      for (std::int64_t timestep : setting.timesteps) {
        stop_if_interrupted();
        maps.push_back(error_map(models[m], diffusion, setting, chunk, timestep, draws));
      }
      const Tensor map = torch::stack(maps, 1).cpu();
      record::Record record = cell(m, chunk.first, chunk.count);
      record.tensors = {tensors_name(record)};
      finish_record(record, chunk, map);
      emit({.record = record,
            .tensors = {{"index", model::from_torch(torch::tensor(chunk.indices, torch::kInt64))},
                        {"timestep", model::from_torch(torch::tensor(setting.timesteps, torch::kInt64))},
                        {"label", model::from_torch(chunk.labels)},
                        {"image", model::from_torch(chunk.images)},
                        {"map", model::from_torch(map)}}});
    }
  };
  for_each_chunk("loss map", setting, images, models.size(), run, cell, work);
}

}  // namespace dydit::study
