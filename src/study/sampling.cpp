// SPDX-License-Identifier: Apache-2.0
#include "study/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "groups.h"
#include "instrument/interleaved.h"
#include "instrument/memory.h"
#include "model/tensors.h"
#include "quality/judge.h"
#include "record/metric.h"
#include "subject.h"
#include "trajectories.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;

// The complete model, without a cache, by the first sampler in the first number of steps.
SampledCell reference_of(const SamplingSweep& sweep, const engine::Family& family) {
  return {
      .engine = family.complete_engine(sweep.engine), .sampler = sweep.sampler.front(), .steps = sweep.steps.front()};
}

// What a cell is held against.
struct Others {
  SampledCell alone;     // the same model in the same engine, as the reference is sampled
  SampledCell solved;    // the complete model by this sampler at this number of steps
  SampledCell cached;    // the same with this cache
  SampledCell by_cache;  // the reference with this cache
};

Others others_of(const SampledCell& cell, const SampledCell& reference) {
  Others others{cell, cell, cell, reference};
  others.alone.sampler = reference.sampler, others.alone.steps = reference.steps, others.alone.cache = "none";
  for (SampledCell* complete : {&others.cached, &others.solved})
    complete->engine = reference.engine, complete->which = Which::all, complete->keep = {};
  others.solved.cache = "none";
  others.by_cache.cache = cell.cache;
  return others;
}

// The complete model first, in its engine, and then what leaves units out.
std::vector<SampledCell> sampled_runs(const SamplingSetting& s, const SampledModel& model) {
  const engine::Family& family = family_of(*s.catalog, model.trained, model.name);
  std::vector<SampledCell> runs{reference_of(s.spec, family)};
  for (const std::string& name : s.spec.engine) {
    const engine::Row& engine = family.engine(name);
    if (engine.executes == engine::Executes::all) {
      if (name == runs.front().engine.name) continue;
      throw UsageError("trajectories are compared with one complete engine", name,
                       fmt::format("name {} or this one", runs.front().engine.name));
    }
    if (model.trained != nullptr) {
      if (model.trained->network->architecture.dynamic()) runs.push_back({.engine = engine, .which = Which::own});
      continue;
    }
    for (const std::string& which : s.spec.which)
      for (const Kept& keep : s.spec.keep)
        if (!keep.everything() || which == s.spec.which.front())  // with everything on they are one
          runs.push_back(
              {.engine = engine, .which = keep.everything() ? Which::all : which_named(which), .keep = keep});
  }
  return runs;
}

// Each cell behind those that it is held against.
std::vector<SampledCell> sampled_cells(const SamplingSetting& s, const SampledModel& model) {
  const std::vector<SampledCell> runs = sampled_runs(s, model);
  std::vector<SampledCell> cells;
  const auto add = [&](const SampledCell& cell) {
    if (std::ranges::find(cells, cell) == cells.end()) cells.push_back(cell);
  };
  add(runs.front());
  for (SampledCell cell : runs)
    for (const SamplingProduct& product : products_of(s.spec))
      for (const std::string& sampler : product.sampler)
        for (const std::int64_t steps : product.steps)
          for (const std::string& cache : product.cache) {
            cell.sampler = sampler;
            cell.steps = steps;
            cell.cache = cache;
            const Others others = others_of(cell, runs.front());
            for (const SampledCell& other : {others.by_cache, others.solved, others.cached, others.alone}) add(other);
            add(cell);
          }
  return cells;
}

// Of trained models, of a dynamic one as its routers decide: weights that nobody trained draw nothing.
bool is_judged(const SamplingSetting& s, const SampledModel& model, const SampledCell& cell) {
  return s.judging && model.trained != nullptr && cell.complete() != model.trained->network->architecture.dynamic();
}

Record cell_record(const SamplingSetting& s, const SampledModel& model, const SampledCell& cell,
                   const char* study = "sampling", std::int64_t judged_again = 0) {
  Json axes{{"model", model.name},        {"dtype", model.dtype},       {"batch", model.batch},
            {"guidance", model.guidance}, {"engine", cell.engine.name}, {"which", to_string(cell.which)}};
  if (model.trained == nullptr) axes["keep"] = to_json(cell.keep);
  axes.update(Json{{"sampler", cell.sampler},
                   {"steps", cell.steps},
                   {"cache", cell.cache},
                   {"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)},
                   {"threads", s.threads}});
  name_input_size(axes, model.trained, s.spec.input_size);
  if (is_judged(s, model, cell)) axes["judged_by"] = s.judging->by;
  std::vector<std::string> inputs{
      fmt::format("{} {} {} {}", s.spec.input_size, s.spec.blocks, s.spec.sampler.front(), s.spec.steps.front())};
  if (model.trained != nullptr)
    inputs.push_back(fmt::format("{} {}", model.trained->hash, to_json(model.trained->process).dump()));
  if (is_judged(s, model, cell)) inputs.push_back(fmt::format("{}", s.spec.judged));
  if (judged_again > 0) inputs.push_back(fmt::format("{}", judged_again));
  return {.cell = record::cell_hash(study, axes, inputs, s.seed), .study = study, .axes = axes};
}

// Times and executed work of a group's cells, by their names.
class Sampled {
 public:
  explicit Sampled(const SampledModel& model, const SampledCell& reference) : model_(model), reference_(reference) {}

  std::map<std::string, std::vector<double>> seconds;  // of a trajectory in each block
  std::map<std::string, Executed> executed;
  std::map<std::string, std::int64_t> memory;

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
  value("activation_memory", 1e-6 * static_cast<double>(memory.at(cell.name())));
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

// How good the first `images` images are that a cell draws.
void judge(Record& record, Trajectories& trajectories, const SampledModel& model, const SampledCell& cell,
           const SamplingSetting& s, std::int64_t images) {
  std::vector<torch::Tensor> seen;
  for (std::int64_t first = 0; first < images; first += model.batch) {
    const torch::Tensor drawn = trajectories.draw(cell, first);
    const std::int64_t count = std::min(model.batch, images - first);
    seen.push_back((*s.judging->network)(drawn.narrow(0, 0, count)).pooled.cpu());
  }
  using quality::Metric;
  constexpr std::int64_t resamples = 200;
  const quality::Judgement judgement =
      quality::judge(s.judging->reference, {.where = cell.name(), .features = torch::cat(seen)},
                     {.metrics = {Metric::frechet, Metric::kernel, Metric::precision, Metric::recall},
                      .subsets = 4,  // of sets beyond so many images; others are taken whole, once
                      .subset_size = 5000,
                      .resamples = resamples,
                      .seed = s.seed});
  for (const quality::Judged& one : judgement.values) {
    const char* name = quality::metric_names()[static_cast<std::size_t>(one.metric)];
    record::Metric& metric = record.metrics[name] = record::measured(name, one.value);
    if (!one.ci95) continue;
    metric.ci95 = {{one.ci95->first, one.ci95->second}};
    std::vector<double>& draws = metric.blocks.emplace_back();  // by which cells are compared
    for (const double value : one.resampled) draws.push_back(std::stod(fmt::format("{:.6g}", value)));
  }
  record.metrics["judged_images"] = record::measured("judged_images", static_cast<double>(images));
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
    sampled.memory[cell.name()] =
        instrument::peak_bytes([&] { trajectories->run(cell); }) + trajectories->held_bytes(cell);
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
    if (const auto error = error_of([&] { judge(record, *trajectories, model, cell, s, s.spec.judged); }))
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

std::vector<SampledModel> sampled_models(const SamplingSetting& s) {
  std::vector<SampledModel> models;
  const auto add = [&](const std::string& name, const Trained* trained) {
    for (const std::string& dtype : s.spec.dtype)
      for (const std::int64_t batch : s.spec.batch)
        for (const double guidance : s.spec.guidance) models.push_back({name, trained, dtype, batch, guidance});
  };
  for (const std::string& name : s.spec.models) add(name, nullptr);
  for (const Trained& trained : s.trained) add(trained.name, &trained);
  return models;
}

// A cell whose images the run's records say something of.
struct Seen {
  std::string setting, cell;
  double time, distance;
};

bool beats(const Seen& a, const Seen& b) {
  return a.setting == b.setting && a.time <= b.time && a.distance <= b.distance &&
         (a.time < b.time || a.distance < b.distance);
}

// Those cells of all models of a setting that no other is as fast as and closer to real images.
std::vector<std::string> front_of(const SamplingSetting& s, const record::RunDirectory& run) {
  std::map<std::string, const Record*> records;
  for (const Record& record : run.records()) records[record.cell] = &record;
  std::vector<Seen> seen;
  for (const SampledModel& model : sampled_models(s))
    for (const SampledCell& cell : sampled_cells(s, model)) {
      const auto found = records.find(cell_record(s, model, cell).cell);
      if (found == records.end() || !found->second->metrics.contains("frechet")) continue;
      const auto value = [&](const char* metric) { return found->second->metrics.at(metric).value; };
      seen.push_back({fmt::format("{} {} {}", model.dtype, model.batch, model.guidance), found->first,
                      value("image_time"), value("frechet")});
    }
  std::vector<std::string> front;
  for (const Seen& one : seen)
    if (std::ranges::none_of(seen, [&](const Seen& other) { return beats(other, one); })) front.push_back(one.cell);
  return front;
}

std::vector<DoneCell> judge_again(const SamplingSetting& s, const SampledModel& model,
                                  const std::vector<SampledCell>& cells, std::vector<Record> records,
                                  const std::function<void()>& after_cell) {
  std::optional<Trajectories> trajectories;
  const auto none = error_of([&] {
    trajectories.emplace(s, model);
    for (const SampledCell& cell : cells) trajectories->add(cell);
  });
  std::vector<DoneCell> done;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto again = [&] { judge(records[i], *trajectories, model, cells[i], s, s.spec.judged_on_front); };
    if (const auto error = none ? none : error_of(again)) fail(records[i], *error);
    done.push_back({.record = std::move(records[i])});
    after_cell();
  }
  return done;
}

// Which cells these are is known when all have been judged.
void judge_front(const SamplingSetting& s, record::RunDirectory* run) {
  std::vector<std::string> front;
  if (run != nullptr) front = front_of(s, *run);
  front = Json::parse(s.group.broadcast(Json(front).dump())).get<std::vector<std::string>>();
  std::vector<Group> groups;
  for (const SampledModel& model : sampled_models(s)) {
    std::vector<SampledCell> cells = sampled_cells(s, model);
    std::erase_if(cells, [&](const SampledCell& cell) {
      return std::ranges::find(front, cell_record(s, model, cell).cell) == front.end();
    });
    if (cells.empty()) continue;
    Group& group = groups.emplace_back();
    group.steps = std::ssize(cells);
    for (const SampledCell& cell : cells)
      group.cells.push_back(cell_record(s, model, cell, "front", s.spec.judged_on_front));
    group.measure = [&s, model, cells, records = group.cells](const Warn&, const std::function<void()>& after_cell) {
      return judge_again(s, model, cells, records, after_cell);
    };
  }
  measure_groups("front", groups, s.quiet, s.group, run);
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
