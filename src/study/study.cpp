// SPDX-License-Identifier: Apache-2.0
#include "study/study.h"

#include <fmt/format.h>

#include <deque>

#include "base/error.h"
#include "base/faults.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "data/loader.h"
#include "diffusion/draws.h"
#include "model/device.h"
#include "record/metric.h"

namespace dydit::study {

constexpr std::int64_t diffusion_steps = 1000;
constexpr double max_broken_share = 0.01;

static Chunk to_chunk(const data::Subset& subset, const data::Batch& batch, std::int64_t first,
                      std::int64_t count, torch::Device device) {
  const data::Shape shape = subset.shape();
  Chunk chunk{.first = first, .count = count, .indices = {}, .images = {}, .labels = {}};
  for (std::int64_t position : batch.indices) chunk.indices.push_back(subset.original(position));
  chunk.images = torch::tensor(batch.images, torch::kFloat32)
                     .view({-1, shape.channels, shape.height, shape.width})
                     .to(device);
  chunk.labels = torch::tensor(batch.labels, torch::kInt64).to(device);
  return chunk;
}

void for_each_chunk(const std::string& label, const Setting& setting,
                    std::shared_ptr<const data::Subset> images, std::size_t models, record::RunDirectory& run,
                    const Cell& cell, const Work& work) {
  const std::int64_t total = images->size(), chunk = setting.chunk;
  const auto count_at = [&](std::int64_t first) { return std::min(chunk, total - first); };
  const auto missing_at = [&](std::int64_t first) {
    std::vector<std::size_t> missing;
    for (std::size_t m = 0; m < models; ++m)
      if (!run.has(cell(m, first, count_at(first)).cell)) missing.push_back(m);
    return missing;
  };
  // Broken images count over the whole study, also where a part of it was done before.
  std::int64_t broken = 0, start = 0;
  for (const record::Record& record : run.records())
    if (record.cell ==
            cell(0, record.axes.value("first", std::int64_t{0}), record.axes.value("count", std::int64_t{0}))
                .cell &&
        record.metrics.contains("broken_images"))
      broken += static_cast<std::int64_t>(record.metrics.at("broken_images").value);
  while (start < total && missing_at(start).empty()) start += chunk;
  if (start >= total) return;
  data::Loader loader(images, {.batch = chunk,
                               .threads = setting.threads,
                               .first = start,
                               .warn = [&run](const std::string& message) { run.warn(message); }});
  Progress progress(label, "images", total, setting.quiet, start);
  data::Batch batch;
  for (std::int64_t done = start; loader.next(batch);) {
    stop_if_interrupted(run);
    const std::int64_t first = start + (batch.indices.front() - start) / chunk * chunk;
    const auto missing = missing_at(first);
    if (!missing.empty() && missing.front() == 0) broken += count_at(first) - batch.size();
    if (static_cast<double>(broken) > max_broken_share * static_cast<double>(total))
      throw InputError("too many broken images", fmt::format("{} of {}", broken, total),
                       "repair or remove them");
    // Where one of several models fails, each goes on alone: its cell must not be lost to another's fault.
    std::deque<std::vector<std::size_t>> groups{missing};
    for (; !groups.empty(); groups.pop_front()) {
      std::vector<std::size_t>& group = groups.front();
      std::erase_if(group, [&](std::size_t m) { return run.has(cell(m, first, count_at(first)).cell); });
      if (group.empty()) continue;
      try {
        work(to_chunk(*images, batch, first, count_at(first), setting.device), group);
      } catch (const Error&) {
        throw;
      } catch (const std::exception& error) {
        if (group.size() > 1) {
          for (std::size_t m : group) groups.push_back({m});
          continue;
        }
        record::Record record = cell(group.front(), first, count_at(first));
        record.status = record::Status::failed;
        record.error = one_line(error);
        run.append(record);
      }
    }
    progress.advance(first + count_at(first) - done);
    done = first + count_at(first);
  }
}

void stop_if_interrupted(const record::RunDirectory& run) {
  if (interrupt_requested()) run.log("interrupted");
  dydit::stop_if_interrupted("what is done is saved in " + run.path().string(),
                             "give the same command again to go on");
}

void finish_record(record::Record& record, const Chunk& chunk, const torch::Tensor& losses) {
  record.metrics["broken_images"] = record::measured(
      "broken_images", static_cast<double>(chunk.count) - static_cast<double>(chunk.indices.size()));
  if (losses.isfinite().all().item<bool>()) return;
  record.status = record::Status::failed;
  record.error = "the loss is not finite";
}

std::string tensors_name(const record::Record& record) {
  return fmt::format("{}-{}-{}-{}", record.study, record::safe_name(record.axes.at("model")),
                     record.axes.at("first").get<std::int64_t>(), record.cell.substr(0, 8));
}

record::Json chunk_axes(const Setting& setting, const Model& model, std::int64_t first, std::int64_t count) {
  std::string dtype = c10::toString(setting.dtype);
  if (setting.dtype == torch::kFloat32) dtype = "float32";
  if (setting.dtype == torch::kBFloat16) dtype = "bfloat16";
  if (setting.dtype == torch::kFloat16) dtype = "float16";
  return {{"model", model.name}, {"engine", "dense"}, {"dtype", dtype}, {"first", first}, {"count", count}};
}

torch::Tensor noise_for(const Setting& setting, const Chunk& chunk, std::int64_t t, std::int64_t draw) {
  const std::vector<std::int64_t> draws(chunk.indices.size(), draw * diffusion_steps + t);
  return model::to_device(diffusion::normal_rows(setting.seed, Purpose::noise, chunk.indices, draws,
                                                 chunk.images.sizes().slice(1)),
                          setting.device);
}

diffusion::GaussianDiffusion diffusion_for(const Setting& setting, const model::DiT& dit) {
  return {
      diffusion::Tables(diffusion::betas(diffusion::noise_schedule(setting.noise_schedule), diffusion_steps)),
      dit->configuration.learn_sigma ? diffusion::Variance::learned_range : diffusion::Variance::fixed_large,
      setting.device};
}

std::vector<std::string> input_hashes(const Setting& setting, const Model& model,
                                      const data::Dataset& images) {
  return {model.hash, images.hash(),
          hash_of(fmt::format("{} {} {}", record::Json(setting.timesteps).dump(), setting.noise_schedule,
                              torch::toString(setting.dtype)))};
}

}  // namespace dydit::study
