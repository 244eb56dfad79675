// SPDX-License-Identifier: Apache-2.0
#include "study/study.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "data/loader.h"
#include "diffusion/draws.h"

namespace dydit::study {

constexpr std::int64_t diffusion_steps = 1000;

static Chunk to_chunk(const data::Subset& subset, const data::Batch& batch, std::int64_t first, std::int64_t count,
                      torch::Device device) {
  const data::Shape shape = subset.shape();
  Chunk chunk{.first = first, .count = count, .indices = {}, .images = {}, .labels = {}};
  for (std::int64_t position : batch.indices) chunk.indices.push_back(subset.original(position));
  chunk.images = torch::tensor(batch.images, torch::kFloat32).view({-1, shape.channels, shape.height, shape.width}).to(device);
  chunk.labels = torch::tensor(batch.labels, torch::kInt64).to(device);
  return chunk;
}

void for_each_chunk(const std::string& label, const Setting& setting, std::shared_ptr<const data::Subset> images,
                    std::size_t models, record::RunDirectory& run, const Cell& cell, const Work& work) {
  const std::int64_t total = images->size(), chunk = setting.chunk;
  const auto count_at = [&](std::int64_t first) { return std::min(chunk, total - first); };
  const auto missing_at = [&](std::int64_t first) {
    std::vector<std::size_t> missing;
    for (std::size_t m = 0; m < models; ++m)
      if (!run.has(cell(m, first, count_at(first)).cell)) missing.push_back(m);
    return missing;
  };
  std::int64_t start = 0;
  while (start < total && missing_at(start).empty()) start += chunk;
  if (start >= total) return;
  data::Loader loader(images, {.batch = chunk, .threads = setting.threads, .first = start});
  Progress progress(label, "images", total, setting.quiet, start);
  data::Batch batch;
  for (std::int64_t done = start; loader.next(batch);) {
    if (interrupt_requested())
      throw Interrupted("interrupted", fmt::format("{} at image {} of {}, saved in {}", label, done, total, run.path().string()),
                        "give the same command again to go on");
    const std::int64_t first = start + (batch.indices.front() - start) / chunk * chunk;
    const auto missing = missing_at(first);
    try {
      if (!missing.empty()) work(to_chunk(*images, batch, first, count_at(first), setting.device), missing);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      for (std::size_t m : missing) {
        record::Record record = cell(m, first, count_at(first));
        record.status = record::Status::failed;
        const std::string_view message = error.what();
        record.error = message.substr(0, message.find('\n'));  // LibTorch adds a stack trace
        run.append(record);
      }
    }
    progress.advance(first + count_at(first) - done);
    done = first + count_at(first);
  }
}

torch::Tensor noise_for(const Setting& setting, const Chunk& chunk, std::int64_t t, std::int64_t draw) {
  const std::vector<std::int64_t> draws(chunk.indices.size(), draw * diffusion_steps + t);
  return diffusion::normal_rows(setting.seed, Purpose::noise, chunk.indices, draws, chunk.images.sizes().slice(1))
      .to(setting.device);
}

diffusion::GaussianDiffusion diffusion_for(const Setting& setting, const model::DiT& dit) {
  return {diffusion::Tables(diffusion::betas(diffusion::noise_schedule(setting.noise_schedule), diffusion_steps)),
          dit->configuration.learn_sigma ? diffusion::Variance::learned_range : diffusion::Variance::fixed_large,
          setting.device};
}

std::vector<std::string> input_hashes(const Setting& setting, const Model& model, const data::Dataset& images) {
  return {model.hash, images.hash(),
          hash_of(fmt::format("{} {} {}", record::Json(setting.timesteps).dump(), setting.noise_schedule,
                              torch::toString(setting.dtype)))};
}

}  // namespace dydit::study
