// SPDX-License-Identifier: Apache-2.0
#include "study/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "groups.h"
#include "instrument/interleaved.h"
#include "instrument/memory.h"
#include "judged.h"
#include "model/tensors.h"
#include "record/metric.h"
#include "sampled.h"
#include "subject.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;

// Times and executed work of a group's cells, by their names.
class Sampled {
 public:
  explicit Sampled(const SampledModel& model, const SampledCell& reference) : model_(model), reference_(reference) {}

  std::map<std::string, std::vector<double>> seconds;  // of a trajectory in each block
  std::map<std::string, Executed> executed;
  std::map<std::string, instrument::Allocated> memory;

  void fill(Record& record, const SampledCell& cell) const;
  bool is_alone(const SampledCell& cell) const { return cell == others_of(cell, reference_).alone; }

 private:
  // A function of image times in one block, in every block.
  template <typename Value>
  std::vector<double> blockwise(const SampledCell& cell, const Value& value) const {
    std::vector<double> values;
    for (std::size_t block = 0; block < times(cell).size(); ++block)
      values.push_back(value([&](const SampledCell& of) { return times(of)[block]; }));
    return values;
  }
  const std::vector<double>& times(const SampledCell& cell) const {
    const auto found = seconds.find(cell.name());
    if (found == seconds.end()) throw RunError("a cell that it is held against has no times", cell.name());
    return found->second;
  }
  double milliseconds() const { return 1e3 / static_cast<double>(model_.batch); }

  SampledModel model_;
  SampledCell reference_;
};

void Sampled::fill(Record& record, const SampledCell& cell) const {
  const auto value = [&](const char* metric, double number) {
    record.metrics[metric] = record::measured(metric, number);
  };
  const auto put = [&](const char* metric, const auto& of_block) {
    put_blocks(record, metric, blockwise(cell, of_block));
  };
  const auto [alone, solved, cached, by_cache] = others_of(cell, reference_);
  put("image_time", [&](const auto& time) { return milliseconds() * time(cell); });
  if (seconds.contains(cell.passes().name()))
    put("beyond_passes", [&](const auto& time) { return time(cell) / time(cell.passes()); });
  put("sampling_speedup", [&](const auto& time) { return time(reference_) / time(cell); });
  put("sampling_speedup_own", [&](const auto& time) { return time(alone) / time(cell); });
  const auto multiplied = [&](const auto& time) {
    return time(reference_) / time(alone) * (time(reference_) / time(by_cache)) * (time(reference_) / time(solved));
  };
  put("multiplied_speedup", multiplied);
  put("multiplied_share", [&](const auto& time) { return time(reference_) / time(cell) / multiplied(time); });
  put("reference_image_time", [&](const auto& time) { return milliseconds() * time(reference_); });
  put("solver_image_time", [&](const auto& time) { return milliseconds() * time(solved); });
  put("cached_image_time", [&](const auto& time) { return milliseconds() * time(cached); });
  const auto work = [&](const SampledCell& of) { return executed.at(of.name()); };
  const Executed own = work(cell);
  if (cell.cache == "none") value("lambda_realised", own.lambda);
  value("sampling_gmacs", 1e-9 * own.macs);
  value("sampling_gmacs_guided", 1e-9 * own.guided_macs);
  value("sampling_theory", work(reference_).guided_macs / own.guided_macs);
  value("reference_gmacs", 1e-9 * work(reference_).guided_macs);
  value("solver_gmacs", 1e-9 * work(solved).guided_macs);
  value("cached_gmacs", 1e-9 * work(cached).guided_macs);
  value("blocks_run", own.blocks);
  value("passes", static_cast<double>(own.passes));
  value("full_passes", static_cast<double>(own.full_passes));
  put_allocated(record, memory.at(cell.name()));
  value("cache_memory", 1e-6 * static_cast<double>(own.cache_bytes));
}

// Of trained models a strip is kept: weights that nobody trained draw nothing.
DoneCell with_images(const SamplingSetting& s, const SampledModel& model, Record record, const torch::Tensor& images,
                     const torch::Tensor& labels) {
  DoneCell done{.record = std::move(record)};
  if (model.trained == nullptr || s.spec.shown == 0 || done.record.status != record::Status::ok) return done;
  done.record.tensors = {fmt::format("sampling-{}-{}", record::safe_name(model.name), done.record.cell.substr(0, 8))};
  done.tensors["image"] = model::from_torch(images);
  done.tensors["label"] = model::from_torch(labels.narrow(0, 0, images.size(0)).cpu());
  return done;
}

// All cells of a group: what is compared is measured together.
std::vector<DoneCell> measure_together(const SamplingSetting& s, const SampledModel& model,
                                       const std::vector<SampledCell>& cells, const Warn& warn,
                                       const std::function<void()>& after_block) {
  std::vector<Record> records;
  for (const SampledCell& cell : cells) records.push_back(cell_record(s, model, cell));
  std::unique_ptr<Trajectories> trajectories;
  if (const auto error = error_of([&] { trajectories = std::make_unique<Trajectories>(s, model); })) {
    std::vector<DoneCell> failed;
    for (Record& record : records) {
      fail(record, *error);
      failed.push_back({.record = std::move(record)});
    }
    return failed;
  }
  Sampled sampled(model, reference_of(s.spec, family_of(*s.catalog, model.trained, model.name)));
  const auto each = [&](const auto& work) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (records[i].status == record::Status::ok)
        if (const auto error = error_of([&] { work(records[i], cells[i]); })) fail(records[i], *error);
  };
  each([&](Record&, const SampledCell& cell) {
    trajectories->add(cell);
    if (sampled.is_alone(cell)) trajectories->keep_passes(cell);
  });
  std::vector<instrument::Variant> variants;
  each([&](Record&, const SampledCell& cell) {
    sampled.executed[cell.name()] = trajectories->check(cell);  // and what it keeps has its memory now
    sampled.memory[cell.name()] = instrument::allocated_by([&] { trajectories->run(cell); });
    sampled.memory[cell.name()].peak_bytes += trajectories->held_bytes(cell);
    variants.push_back({.name = cell.name(),
                        .run = [&](std::int64_t) { trajectories->run(cell); },
                        .check = [&] { trajectories->check(cell); }});
    if (sampled.is_alone(cell))
      variants.push_back(
          {.name = cell.passes().name(), .run = [&](std::int64_t) { trajectories->run(cell.passes()); }});
  });
  const instrument::Blocks blocks{.count = s.spec.blocks, .settle = false, .seed = s.seed};
  const auto timer = instrument::timer_of(s.device);
  const auto times = instrument::interleaved(variants, blocks, *timer, after_block);
  std::map<std::string, std::string> errors;
  for (std::size_t i = 0; i < variants.size(); ++i)
    if (times[i].error.empty())
      sampled.seconds[variants[i].name] = instrument::block_medians(times[i]);
    else
      errors[variants[i].name] = times[i].error;
  each([&](Record& record, const SampledCell& cell) {
    if (const auto error = errors.find(cell.name()); error != errors.end()) throw RunError(error->second, "");
    if (const auto error = errors.find(cell.passes().name()); error != errors.end())
      warn(fmt::format("no beyond_passes of {}: {}", cell.name(), error->second));
    sampled.fill(record, cell);
  });
  each([&](Record& record, const SampledCell& cell) {
    if (!is_judged(s, model, cell)) return;
    if (const auto error = error_of([&] { judge(record, *trajectories, model, cell, s, 0, s.spec.judged); }))
      warn(fmt::format("no quality of {}: {}", cell.name(), *error));  // its times stand
    after_block();
  });
  std::vector<DoneCell> done;
  for (std::size_t i = 0; i < cells.size(); ++i)
    done.push_back(
        with_images(s, model, std::move(records[i]), sampled.executed[cells[i].name()].images, trajectories->labels()));
  return done;
}

void require_cells(const SamplingSetting& s, const SampledModel& model, const std::vector<SampledCell>& cells) {
  const engine::Family& family = family_of(*s.catalog, model.trained, model.name);
  const model::Architecture of =
      model.trained != nullptr ? model.trained->network->architecture : family.describe(model.name, s.spec.input_size);
  const auto process = process_of(model, of);
  for (const SampledCell& cell : cells) {
    const auto passes =
        diffusion::sampler_of({.sampler = cell.sampler, .steps = cell.steps}, process, of.learns_sigma)->times().size();
    const auto cache = cache::cache_named(cell.cache, "cache");
    if (!cache) continue;
    cache::full_passes(*cache, static_cast<std::int64_t>(passes));
    cache::blocks_of(*cache, of.depth);
  }
}

}  // namespace

void require_sampleable(const SamplingSetting& s) {
  for (const Trained& trained : s.trained)
    if (const auto channels = trained.network->architecture.channels; s.spec.judged > 0 && channels != 3)
      throw UsageError("quality is judged of pixels", fmt::format("{} has {} channels", trained.name, channels),
                       "leave out judged for models of latents");
  for (const SampledModel& model : sampled_models(s)) require_cells(s, model, sampled_cells(s, model));
}

void sampling(const SamplingSetting& s, record::RunDirectory* run) {
  torch::InferenceMode inference;
  std::vector<Group> groups;
  for (const SampledModel& model : sampled_models(s)) {
    const auto cells = sampled_cells(s, model);
    Group& group = groups.emplace_back();
    group.steps = s.spec.blocks;
    for (const SampledCell& cell : cells) {
      group.cells.push_back(cell_record(s, model, cell));
      if (is_judged(s, model, cell)) ++group.steps;
    }
    group.measure = [&s, model, cells](const Warn& warn, const std::function<void()>& after_block) {
      return measure_together(s, model, cells, warn, after_block);
    };
  }
  measure_groups("sampling", groups, s.quiet, s.group, run);
  if (s.spec.judged_on_front > 0) judge_front(s, run);
}

}  // namespace dydit::study
