// SPDX-License-Identifier: Apache-2.0
#include "study/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "clock.h"
#include "cost/cost.h"
#include "groups.h"
#include "instrument/memory.h"
#include "model/device.h"
#include "record/metric.h"
#include "subject.h"
#include "variants.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;

// With everything on before the shares.
std::vector<Workload> groups_of(const SpeedSetting& setting) {
  const SpeedSpec& spec = setting.spec;
  const auto values = [&](const std::string& axis) {
    const auto given = std::ranges::find(spec.axes, axis, [](const auto& entry) { return entry.first; });
    return given != spec.axes.end() ? given->second
                                    : std::ranges::find(setting.catalog->axes, axis, &Axis::name)->values;
  };
  std::vector<Workload> groups;
  const auto add = [&](Workload start, const auto& values_of) {
    start.point["model"] = start.model;
    std::vector<Axis> axes = setting.catalog->axes;
    if (start.trained != nullptr) std::erase_if(axes, [](const Axis& axis) { return !axis.of_trained; });
    for (Workload& group : product(start, axes, values_of)) groups.push_back(std::move(group));
  };
  for (const std::string& model : spec.models)
    add({.model = model}, [&](const std::string& axis) {
      std::vector<Json> all = values(axis);
      if (axis != "keep") return all;
      std::erase(all, Json(1.0));
      all.insert(all.begin(), Json(1.0));
      return all;
    });
  for (const Trained& trained : setting.trained)
    add({.model = trained.name, .trained = &trained}, [&](const std::string& axis) {
      if (axis == "keep") return std::vector<Json>{1.0};
      return axis == "batch" ? std::vector<Json>(spec.trained_batch.begin(), spec.trained_batch.end()) : values(axis);
    });
  return groups;
}

std::vector<Cell> cells_of(const SpeedSetting& setting, const Workload& group) {
  const engine::Family& family = family_of(*setting.catalog, group.trained, group.model);
  std::vector<Cell> cells;
  for (const std::string& name : setting.spec.engine) {
    const engine::Row& engine = family.engine(name);
    const bool complete = engine.executes == engine::Executes::all;
    if (group.trained != nullptr && !complete) {
      cells.push_back({engine, Which::own});
      if (engine.executes == engine::Executes::kept) cells.push_back({engine, Which::alike});
    } else if (group.keep.everything()) {
      cells.push_back({engine, Which::all});
    } else if (!complete) {
      for (const std::string& which : setting.spec.which) cells.push_back({engine, which_named(which)});
    }
  }
  return cells;
}

Record empty_record(const SpeedSetting& s, const Workload& group, const Cell& cell) {
  Json axes = group.point;
  axes.update(Json{{"engine", cell.engine.name},
                   {"which", to_string(cell.which)},
                   {"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)},
                   {"threads", s.threads}});
  name_input_size(axes, group.trained, s.spec.input_size);
  std::vector<std::string> inputs{
      fmt::format("throughput {} {} {} {}", s.spec.input_size, s.spec.blocks, s.spec.seconds, s.spec.latency)};
  if (!s.spec.round_to_tiles.empty()) {
    axes["round_to_tiles"] = true;
    inputs.push_back(hash_of_file(std::filesystem::path(s.spec.round_to_tiles) / "results.jsonl"));
  }
  if (const Trained* trained = group.trained)
    inputs.push_back(fmt::format("{} {} {} {}", trained->hash, trained->data_hash, to_json(trained->process).dump(),
                                 s.spec.timesteps));
  return {.cell = record::cell_hash("speed", axes, inputs, s.seed), .study = "speed", .axes = axes};
}

// "compact widths (0.5)"
std::string named_with_keep(const Workload& group, const Cell& cell) {
  return group.trained == nullptr ? fmt::format("{} ({})", name_of(cell), to_string(group.keep)) : name_of(cell);
}

// The times of one group's variants, and what they say of a cell.
class Measured {
 public:
  Measured(const Workload& group, Variants& variants, std::vector<instrument::Times> times,
           std::map<std::string, instrument::Allocated> memory);

  void fill(Record& record, const Cell& cell) const;
  /// Of a cell that skips something: what a waterfall is derived from.
  void fill_parts(Record& record, const Cell& cell) const;

 private:
  // Seconds of a variant in each block.
  const std::vector<double>& of_variant(const std::string& name) const;
  // A function of the times of one block, in every block.
  template <typename Value>
  std::vector<double> blockwise(const Value& value) const;
  void put_shares(Record& record, const Variants::Case& of) const;
  double milliseconds() const {
    return 1e3 / static_cast<double>(variants_.passes());
  }  // of a pass, where a run takes 1 s
  double executed(const Variants::Case& of) const;
  std::vector<cost::Work> work_of(const Variants::Case& of, std::int64_t batch, std::int64_t bytes_of_number) const;

  const Workload& group_;
  Variants& variants_;
  std::map<std::string, instrument::Times> times_;
  std::map<std::string, std::vector<double>> blocks_;
  std::map<std::string, instrument::Allocated> memory_;
};

Measured::Measured(const Workload& group, Variants& variants, std::vector<instrument::Times> times,
                   std::map<std::string, instrument::Allocated> memory)
    : group_(group), variants_(variants), memory_(std::move(memory)) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::string& name = variants.all()[i].name;
    blocks_[name] = instrument::block_medians(times[i]);
    times_[name] = std::move(times[i]);
  }
}

const std::vector<double>& Measured::of_variant(const std::string& name) const {
  if (const std::string& error = times_.at(name).error; !error.empty()) throw RunError(error, name);
  return blocks_.at(name);
}

template <typename Value>
std::vector<double> Measured::blockwise(const Value& value) const {
  std::vector<double> values;
  for (std::size_t block = 0; block < of_variant(variants_.whole()).size(); ++block)
    values.push_back(value([&](const std::string& name) { return of_variant(name)[block]; }));
  return values;
}

double Measured::executed(const Variants::Case& of) const {
  const cost::Rho rho = cost::rho(variants_.architecture(), of.activity);
  return of.routed ? rho.with_routers : rho.without_routers;
}

// Without routers where none was run.
std::vector<cost::Work> Measured::work_of(const Variants::Case& of, std::int64_t batch,
                                          std::int64_t bytes_of_number) const {
  auto work = cost::work_of(variants_.architecture(), of.activity, batch, bytes_of_number);
  if (!of.routed) std::erase_if(work, [](const cost::Work& part) { return part.kind == model::Kind::routers; });
  return work;
}

// Of the dense model's MACs.
void Measured::put_shares(Record& record, const Variants::Case& of) const {
  const auto& architecture = variants_.architecture();
  const auto whole = cost::work_of(architecture, complete(architecture.units), 1, 1), left = work_of(of, 1, 1);
  const auto put_share = [&](const char* metric, const auto& work, model::Kind kind) {
    record.metrics[metric] = record::measured(metric, cost::macs_of(work, kind) / cost::macs_of(architecture));
  };
  put_share("attention_share", whole, model::Kind::attention);
  put_share("attention_share_left", left, model::Kind::attention);
  put_share("products_share", whole, model::Kind::products);
  put_share("products_share_left", left, model::Kind::products);
  put_share("routers_share", left, model::Kind::routers);
}

void Measured::fill(Record& record, const Cell& cell) const {
  const std::string name = name_of(cell);
  const auto& architecture = variants_.architecture();
  const Variants::Case& of = variants_.case_of(cell);
  const double executed = this->executed(of);
  const auto value = [&](const char* metric, double number) {
    record.metrics[metric] = record::measured(metric, number);
  };
  put_blocks(record, "time", blockwise([&](const auto& time) { return milliseconds() * time(name); }));
  record.metrics["time"].blocks = times_.at(name).blocks;
  for (auto& block : record.metrics["time"].blocks)
    for (double& seconds : block) seconds *= milliseconds();
  if (const auto& latency = times_.at(name).latency; !latency.empty()) {
    std::vector<double> blocks;
    for (const double seconds : latency) blocks.push_back(milliseconds() * seconds);
    put_blocks(record, "latency", blocks);
  }
  if (const auto& clock = times_.at(name).clock; !clock.empty()) put_blocks(record, "sm_clock", clock);
  value("gmacs", executed * cost::macs_of(architecture) * 1e-9);
  value("lambda_realised", cost::lambda_realised(architecture, of.activity));
  if (const auto done = variants_.rounding_of(cell)) value("lambda_planned", done->lambda_planned);
  value("rho", executed);
  value("rho_without_routers", cost::rho(architecture, of.activity).without_routers);
  value("theoretical_speedup", 1 / executed);
  put_blocks(record, "speedup", blockwise([&](const auto& time) { return time(variants_.whole()) / time(name); }));
  put_blocks(record, "realisation",
             blockwise([&](const auto& time) { return executed * time(variants_.whole()) / time(name); }));
  const cost::Ceilings ceilings{
      .macs_per_second = variants_.product_macs / median_of(of_variant("product ceiling")).value,
      .bytes_per_second = variants_.copied_bytes / median_of(of_variant("copy ceiling")).value};
  value("product_ceiling", 1e-9 * ceilings.macs_per_second);
  value("copy_ceiling", 1e-9 * ceilings.bytes_per_second);
  const auto work =
      work_of(of, group_.batch, static_cast<std::int64_t>(c10::elementSize(model::dtype_named(group_.dtype))));
  value("roofline_time", 1e3 * cost::roofline_seconds(work, ceilings));
  if (of.floor) {
    const auto seconds = [&](const engine::Floor& floor) {
      return floor.seconds + floor.bytes / ceilings.bytes_per_second;
    };
    const double floor = 1e3 * seconds(*of.floor);
    value("floor", floor);
    if (of.floor->clock) value("floor_clock", *of.floor->clock);
    put_blocks(record, "over_floor", blockwise([&](const auto& time) { return milliseconds() * time(name) / floor; }));
    if (const auto& whole = variants_.whole_floor())
      value("floor_realisation", cost::lambda_realised(architecture, of.activity) * 1e3 * seconds(*whole) / floor);
  }
  if (const auto memory = memory_.find(name); memory != memory_.end()) put_allocated(record, memory->second);
  value("weight_memory", 1e-6 * variants_.weight_bytes(cell));
  if (!of.packing.empty()) value("packing_time", 1e3 * median_of(of.packing).value);
}

void Measured::fill_parts(Record& record, const Cell& cell) const {
  const std::string name = name_of(cell), path = cell.engine.name + " path", whole = variants_.whole();
  Record filled = record;  // all of them or none
  for (const auto& [metric, variant] :
       std::initializer_list<std::pair<const char*, std::string>>{{"dense_time", whole},
                                                                  {"dense_fixed_time", whole + " fixed"},
                                                                  {"dense_attention_time", whole + " attention"},
                                                                  {"dense_products_time", whole + " products"},
                                                                  {"without_routers_time", name + " without routers"},
                                                                  {"fixed_time", name + " fixed"},
                                                                  {"attention_time", name + " attention"},
                                                                  {"products_time", name + " products"},
                                                                  {"routed_time", name + " routed"},
                                                                  {"together_time", name + " together"},
                                                                  {"path_time", path},
                                                                  {"path_fixed_time", path + " fixed"},
                                                                  {"path_routed_time", path + " routed"}})
    put_blocks(filled, metric, blockwise([&](const auto& time) { return milliseconds() * time(variant); }));
  put_shares(filled, variants_.case_of(cell));
  record = std::move(filled);
}

// What the tensors of the cells' models take, but of those that fail.
std::map<std::string, instrument::Allocated> memory_of(const Variants& variants, const std::vector<Cell>& cells) {
  std::set<std::string> wanted;
  for (const Cell& cell : cells) wanted.insert(name_of(cell));
  std::map<std::string, instrument::Allocated> memory;
  for (const instrument::Variant& variant : variants.all()) {
    if (!wanted.contains(variant.name)) continue;
    stop_if_interrupted();
    try {
      // The first ones pack weights and compile kernels for their numbers of rows.
      for (std::int64_t draw = 0; draw < variants.runs(); ++draw) variant.run(draw);
      memory[variant.name] = instrument::allocated_by([&] { variant.run(0); });
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception&) {  // its times will tell, or it has times and no memory
    }
  }
  return memory;
}

// All cells of a group, whether they have a record or not: what is compared is measured together.
std::vector<Record> measure(const SpeedSetting& s, const Workload& group, const std::vector<Cell>& cells,
                            const Warn& warn, const std::function<void()>& after_block) {
  std::vector<Record> records;
  for (const Cell& cell : cells) records.push_back(empty_record(s, group, cell));
  std::unique_ptr<Variants> variants;
  std::unique_ptr<Measured> measured;
  const auto each = [&](const auto& work) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (records[i].status == record::Status::ok)
        if (const auto error = error_of([&] { work(records[i], cells[i]); })) fail(records[i], *error);
  };
  const auto begun = error_of([&] { variants = std::make_unique<Variants>(s, group); });
  if (begun) {
    for (Record& record : records) fail(record, *begun);
    return records;
  }
  each([&](Record&, const Cell& cell) {
    variants->add_cell(cell);
    if (const auto done = variants->rounding_of(cell))
      warn(fmt::format("{}, batch {}, {}: {}", group.model, group.batch, named_with_keep(group, cell), done->words()));
  });
  auto memory = memory_of(*variants, cells);
  // On a GPU several passes are under way before the first is done.
  const std::int64_t fewest_passes = s.device.is_cpu() ? 1 : Variants::draws;
  const instrument::Blocks blocks{
      .count = s.spec.blocks, .seconds = s.spec.seconds, .fewest_passes = fewest_passes, .seed = s.seed};
  const auto timer = instrument::timer_of(s.device);
  const auto clock = clock_of(s.device);
  measured = std::make_unique<Measured>(
      group, *variants, instrument::interleaved(variants->all(), blocks, *timer, after_block, clock.get()),
      std::move(memory));
  each([&](Record& record, const Cell& cell) { measured->fill(record, cell); });
  each([&](Record& record, const Cell& cell) {
    if (!variants->case_of(cell).parts) return;
    if (const auto error = error_of([&] { measured->fill_parts(record, cell); }))
      warn(fmt::format("{} has no times of parts, so no waterfall: {}", record.axes.dump(), *error));
  });
  return records;
}

}  // namespace

void speed(const SpeedSetting& s, record::RunDirectory* run) {
  torch::InferenceMode inference;
  std::vector<Group> groups;
  for (const Workload& workload : groups_of(s)) {
    const std::vector<Cell> cells = cells_of(s, workload);
    Group& group = groups.emplace_back();
    group.steps = s.spec.blocks;
    for (const Cell& cell : cells) group.cells.push_back(empty_record(s, workload, cell));
    group.measure = [&s, workload, cells](const Warn& warn, const std::function<void()>& after_block) {
      std::vector<DoneCell> done;
      for (Record& record : measure(s, workload, cells, warn, after_block))
        done.push_back({.record = std::move(record)});
      return done;
    };
  }
  measure_groups("speed", groups, s.quiet, s.group, run);
}

}  // namespace dydit::study
