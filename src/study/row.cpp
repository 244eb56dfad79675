// SPDX-License-Identifier: Apache-2.0
#include "study/row.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/interrupt.h"
#include "instrument/timer.h"
#include "model/device.h"
#include "model/tensors.h"
#include "record/metric.h"

namespace dydit::study {

using torch::Tensor;

diffusion::LossTerms Seen::loss_terms() const {
  return process.loss_terms(outcome.output.to(torch::kFloat32), chunk.images, at.x_t, at.t, at.noise);
}

std::vector<double> times_of(const Options& options, const diffusion::Process& process, const std::string& where) {
  std::vector<double> times = options.at.empty() ? process.even_times(options.count) : options.at;
  for (const double t : times) process.require_time(t, fmt::format("{} = {}", where, t));
  return times;
}

namespace {

// Adds the number of broken images; a loss that is not finite makes the record a failed one.
void finish_record(record::Record& record, const Chunk& chunk, const torch::Tensor& losses) {
  record.metrics["broken_images"] =
      record::measured("broken_images", static_cast<double>(chunk.count) - static_cast<double>(chunk.indices.size()));
  if (!losses.defined() || losses.isfinite().all().item<bool>()) return;
  record.status = record::Status::failed;
  record.error = "a value is not finite";
}

// No two cells share one, also where a run was forced to another identity.
std::string tensors_name(const record::Record& record) {
  return fmt::format("{}-{}-{}-{}", record.study, record::safe_name(record.axes.at("model")),
                     record.axes.at("first").get<std::int64_t>(), record.cell.substr(0, 8));
}

// The axes of a cell that every study has: model, engine and type of numbers, chunk.
record::Json chunk_axes(const Setting& setting, const Model& model, std::int64_t first, std::int64_t count) {
  return {{"model", model.name},
          {"engine", model.engine_name},
          {"dtype", model::dtype_name(setting.dtype)},
          {"first", first},
          {"count", count}};
}

// Identify a cell beside its axes: weights, data, timesteps, schedule, type of numbers.
std::vector<std::string> input_hashes(const Setting& setting, const Model& model, const data::Dataset& images) {
  return {model.hash, images.hash(),
          hash_of(fmt::format("{} {} {}", record::Json(setting.times).dump(), to_json(setting.process).dump(),
                              torch::toString(setting.dtype)))};
}

// What one model gathers on a chunk.
struct Gathered {
  std::unique_ptr<Look> look;
  instrument::Stopwatch forward, looking;
};

class Study {
 public:
  Study(const Row& row, const Options& options, std::vector<Model>& models, const data::Dataset& images,
        const Setting& setting)
      : row_(row), options_(options), models_(models), setting_(setting) {
    for (const Model& model : models) {
      judges_.push_back(
          diffusion::process_of(setting.process, model.network->architecture.learns_sigma, setting.device));
      hashes_.push_back(input_hashes(setting, model, images));
    }
  }

  record::Record cell(std::size_t m, std::int64_t first, std::int64_t count) const {
    Json axes = chunk_axes(setting_, models_[m], first, count);
    if (row_.axes) axes.update(row_.axes(models_[m], options_));
    return {.cell = record::cell_hash(row_.name, axes, hashes_[m], setting_.seed), .study = row_.name, .axes = axes};
  }

  void work(const Chunk& chunk, const std::vector<std::size_t>& missing, const Emit& emit) {
    std::map<std::size_t, Gathered> gathered;
    for (const std::size_t m : missing)
      gathered.emplace(m, Gathered{row_.look(options_), instrument::Stopwatch(setting_.device),
                                   instrument::Stopwatch(setting_.device)});
    instrument::Stopwatch shared(setting_.device);
    for (const double time : setting_.times)
      for (std::int64_t draw = 0; draw < options_.draws; ++draw) {
        stop_if_interrupted();
        shared.start();
        const Noised at = noised(setting_, chunk, *judges_.front(), time, draw);
        shared.stop();
        for (auto& [m, of_model] : gathered) look(m, of_model, chunk, at, draw);
      }
    for (auto& [m, of_model] : gathered) emit(done(m, of_model, chunk, shared.seconds()));
  }

 private:
  void look(std::size_t m, Gathered& gathered, const Chunk& chunk, const Noised& at, std::int64_t draw) {
    gathered.forward.start();
    const auto outcome = models_[m].engine->forward({at.x_t, at.t, chunk.labels});
    gathered.forward.stop();
    gathered.looking.start();
    gathered.look->see({models_[m], *judges_[m], chunk, at, outcome, draw});
    gathered.looking.stop();
  }

  DoneCell done(std::size_t m, Gathered& gathered, const Chunk& chunk, double noising) {
    const diffusion::Process& process = *judges_[m];
    std::vector<double> log_snr, epsilon_factor;
    for (const double t : setting_.times) {
      log_snr.push_back(process.log_snr(t));
      epsilon_factor.push_back(process.epsilon_factor(t));
    }
    DoneCell result{.record = cell(m, chunk.first, chunk.count),
                    .tensors = {{"index", model::from_torch(torch::tensor(chunk.indices, torch::kInt64))},
                                {"timestep", model::from_torch(stored(process.times(setting_.times)))},
                                {"log_snr", model::from_torch(torch::tensor(log_snr, torch::kFloat64))},
                                {"epsilon_factor", model::from_torch(torch::tensor(epsilon_factor, torch::kFloat64))}}};
    result.record.tensors = {tensors_name(result.record)};
    finish_record(result.record, chunk, {});
    for (const auto& [name, tensor] : gathered.look->found()) {
      result.tensors[name] = model::from_torch(tensor);
      if (tensor.is_floating_point()) finish_record(result.record, chunk, tensor);
    }
    // The noise and x_t that all models share count in full for each: what a study of it alone would take.
    const double passes = static_cast<double>(chunk.indices.size()) * static_cast<double>(setting_.times.size()) *
                          static_cast<double>(options_.draws);
    const double forward = gathered.forward.seconds();
    const auto rate = [&](const char* metric, double seconds) {
      result.record.metrics[metric] = record::measured(metric, passes / seconds);
    };
    rate("images_per_second", forward + gathered.looking.seconds() + noising);
    rate("forward_images_per_second", forward);
    return result;
  }

  // Whole timesteps as they are, others in the type that they were given in.
  Tensor stored(const Tensor& times) const {
    return times.is_floating_point() ? torch::tensor(setting_.times, torch::kFloat64) : times;
  }

  const Row& row_;
  const Options& options_;
  std::vector<Model>& models_;
  const Setting& setting_;
  // Of each model: the process that judges it, with its kind of variance.
  std::vector<std::unique_ptr<diffusion::Process>> judges_;
  std::vector<std::vector<std::string>> hashes_;
};

}  // namespace

void run_study(const Row& row, const Options& options, std::vector<Model>& models,
               const std::shared_ptr<const data::Subset>& images, const Setting& setting, record::RunDirectory* run) {
  torch::InferenceMode inference;
  Study study(row, options, models, *images, setting);
  const RecordOf cell = [&](std::size_t m, std::int64_t first, std::int64_t count) {
    return study.cell(m, first, count);
  };
  const Task work = [&](const Chunk& chunk, const std::vector<std::size_t>& missing, const Emit& emit) {
    study.work(chunk, missing, emit);
  };
  for_each_chunk(row.name, setting, images, models.size(), run, cell, work);
}

}  // namespace dydit::study
