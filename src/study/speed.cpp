// SPDX-License-Identifier: Apache-2.0
#include "study/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/faults.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "base/progress.h"
#include "cost/work.h"
#include "instrument/memory.h"
#include "model/device.h"
#include "record/metric.h"
#include "variants.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;

std::vector<Group> groups_of(const SpeedSetting& setting) {
  const SpeedSpec& s = setting.spec;
  std::vector<double> shares{1};
  for (const double keep : s.keep)
    if (keep != 1) shares.push_back(keep);
  std::vector<Group> groups;
  for (const std::string& model : s.models)
    for (const std::string& dtype : s.dtype)
      for (const std::int64_t batch : s.batch)
        for (const double keep : shares) groups.push_back({model, model::dtype_named(dtype), batch, keep});
  for (const Trained& trained : setting.trained)
    for (const std::string& dtype : s.dtype)
      for (const std::int64_t batch : s.trained_batch)
        groups.push_back({trained.name, model::dtype_named(dtype), batch, 1, &trained});
  return groups;
}

std::vector<Cell> cells_of(const SpeedSpec& s, const Group& group) {
  std::vector<Cell> cells;
  for (const std::string& engine : s.engine) {
    if (group.trained != nullptr && engine != "dense") {
      cells.push_back({engine, Which::own});
      if (engine == "compact") cells.push_back({engine, Which::alike});
    } else if (group.keep == 1)
      cells.push_back({engine, Which::all});
    else if (engine != "dense")
      for (const std::string& which : s.which) cells.push_back({engine, which_named(which)});
  }
  return cells;
}

Record empty_record(const SpeedSetting& s, const Group& group, const Cell& cell) {
  const Json axes = {{"model", group.model},
                     {"engine", cell.engine},
                     {"which", to_string(cell.which)},
                     {"keep", group.keep},
                     {"batch", group.batch},
                     {"dtype", model::dtype_name(group.dtype)},
                     {"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)},
                     {"threads", s.threads}};
  std::vector<std::string> inputs{
      fmt::format("throughput {} {} {} {}", s.spec.input_size, s.spec.blocks, s.spec.seconds, s.spec.latency)};
  if (const Trained* trained = group.trained)
    inputs.push_back(fmt::format("{} {} {} {}", trained->hash, trained->data_hash, trained->noise_schedule,
                                 s.spec.timesteps));
  return {.cell = record::cell_hash("speed", axes, inputs, s.seed), .study = "speed", .axes = axes};
}

// The times of one group's variants, and what they say of a cell.
class Measured {
 public:
  Measured(const Group& group, const Variants& variants, std::vector<instrument::Times> times,
           std::map<std::string, std::int64_t> memory);

  void fill(Record& record, const Cell& cell) const;
  /// Of a compact cell that skips something: what a waterfall is derived from.
  void fill_parts(Record& record, const Cell& cell) const;

 private:
  // Seconds of a variant in each block.
  const std::vector<double>& of(const std::string& name) const;
  // A function of the times of one block, in every block.
  template <typename Value>
  std::vector<double> blockwise(const Value& value) const;
  static void put(Record& record, const std::string& metric, const std::vector<double>& blocks);
  void put_shares(Record& record, const Variants::Case& of) const;
  double milliseconds() const {
    return 1e3 / static_cast<double>(variants_.passes());
  }  // of a pass, where a run takes 1 s
  double executed(const Variants::Case& of) const;

  const Group& group_;
  const Variants& variants_;
  std::map<std::string, instrument::Times> times_;
  std::map<std::string, std::vector<double>> blocks_;
  std::map<std::string, std::int64_t> memory_;
};

Measured::Measured(const Group& group, const Variants& variants, std::vector<instrument::Times> times,
                   std::map<std::string, std::int64_t> memory)
    : group_(group), variants_(variants), memory_(std::move(memory)) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::string& name = variants.all()[i].name;
    blocks_[name] = instrument::block_medians(times[i]);
    times_[name] = std::move(times[i]);
  }
}

const std::vector<double>& Measured::of(const std::string& name) const {
  if (const std::string& error = times_.at(name).error; !error.empty()) throw RunError(error, name);
  return blocks_.at(name);
}

template <typename Value>
std::vector<double> Measured::blockwise(const Value& value) const {
  std::vector<double> values;
  for (std::size_t block = 0; block < of("dense all").size(); ++block)
    values.push_back(value([&](const std::string& name) { return of(name)[block]; }));
  return values;
}

void Measured::put(Record& record, const std::string& metric, const std::vector<double>& blocks) {
  const Median median = median_of(blocks);
  record::Metric measured = record::measured(metric, median.value);
  if (std::isfinite(median.low)) measured.ci95 = {{median.low, median.high}};
  for (const double value : blocks) measured.blocks.push_back({value});
  record.metrics[metric] = measured;
}

double Measured::executed(const Variants::Case& of) const {
  const cost::Rho rho = cost::rho(variants_.configuration(), of.activity);
  return of.routed ? rho.with_routers : rho.without_routers;
}

// Of the dense model's MACs.
void Measured::put_shares(Record& record, const Variants::Case& of) const {
  const auto& c = variants_.configuration();
  const double total = cost::macs_of(c).total();
  const auto whole = cost::work_of(c, cost::complete(c), 1, 1), left = cost::work_of(c, of.activity, 1, 1);
  const auto put_share = [&](const char* metric, const auto& work, std::initializer_list<std::string_view> parts) {
    double macs = 0;
    for (const std::string_view part : parts) macs += cost::total_of(work, part).macs;
    record.metrics[metric] = record::measured(metric, macs / total);
  };
  const std::initializer_list<std::string_view> products{"attention.qkv", "attention.projection", "mlp"};
  put_share("attention_share", whole, {"attention.products"});
  put_share("attention_share_left", left, {"attention.products"});
  put_share("products_share", whole, products);
  put_share("products_share_left", left, products);
  if (of.routed)
    put_share("routers_share", whole, {"routers"});
  else
    record.metrics["routers_share"] = record::measured("routers_share", 0);
}

void Measured::fill(Record& record, const Cell& cell) const {
  const std::string name = name_of(cell);
  const bool dense = cell.engine == "dense";
  const auto& c = variants_.configuration();
  const cost::Activity activity = dense ? cost::complete(c) : variants_.case_of(cell).activity;
  const double executed = dense ? 1 : this->executed(variants_.case_of(cell));
  const auto value = [&](const char* metric, double number) {
    record.metrics[metric] = record::measured(metric, number);
  };
  put(record, "time", blockwise([&](const auto& time) { return milliseconds() * time(name); }));
  record.metrics["time"].blocks = times_.at(name).blocks;
  for (auto& block : record.metrics["time"].blocks)
    for (double& seconds : block) seconds *= milliseconds();
  if (const auto& latency = times_.at(name).latency; !latency.empty()) {
    std::vector<double> blocks;
    for (const double seconds : latency) blocks.push_back(milliseconds() * seconds);
    put(record, "latency", blocks);
  }
  value("gmacs", executed * cost::macs_of(c).total() * 1e-9);
  value("lambda_realised", cost::lambda_realised(c, activity));
  value("rho", executed);
  value("rho_without_routers", cost::rho(c, activity).without_routers);
  value("theoretical_speedup", 1 / executed);
  put(record, "speedup", blockwise([&](const auto& time) { return time("dense all") / time(name); }));
  put(record, "realisation",
      blockwise([&](const auto& time) { return executed * time("dense all") / time(name); }));
  const cost::Ceilings ceilings{
      .macs_per_second = variants_.product_macs / median_of(of("product ceiling")).value,
      .bytes_per_second = variants_.copied_bytes / median_of(of("copy ceiling")).value};
  value("product_ceiling", 1e-9 * ceilings.macs_per_second);
  value("copy_ceiling", 1e-9 * ceilings.bytes_per_second);
  model::Configuration executed_model = c;
  executed_model.dynamic = !dense && variants_.case_of(cell).routed;
  const auto work = cost::work_of(executed_model, activity, group_.batch,
                                  static_cast<std::int64_t>(c10::elementSize(group_.dtype)));
  value("roofline_time", 1e3 * cost::roofline_seconds(work, ceilings));
  if (const auto memory = memory_.find(name); memory != memory_.end())
    value("activation_memory", 1e-6 * static_cast<double>(memory->second));
  value("weight_memory", 1e-6 * static_cast<double>(variants_.weight_bytes(cell)));
  if (cell.engine == "compact") value("packing_time", 1e3 * median_of(variants_.case_of(cell).packing).value);
}

void Measured::fill_parts(Record& record, const Cell& cell) const {
  const std::string name = name_of(cell);
  Record filled = record;  // all of them or none
  for (const auto& [metric, variant] :
       std::initializer_list<std::pair<const char*, std::string>>{{"dense_time", "dense all"},
                                                                  {"dense_fixed_time", "dense all fixed"},
                                                                  {"dense_attention_time", "dense all attention"},
                                                                  {"dense_products_time", "dense all products"},
                                                                  {"without_routers_time", name + " without routers"},
                                                                  {"fixed_time", name + " fixed"},
                                                                  {"attention_time", name + " attention"},
                                                                  {"products_time", name + " products"},
                                                                  {"routed_time", name + " routed"},
                                                                  {"together_time", name + " together"},
                                                                  {"path_time", "compact path"},
                                                                  {"path_fixed_time", "compact path fixed"},
                                                                  {"path_routed_time", "compact path routed"}})
    put(filled, metric, blockwise([&](const auto& time) { return milliseconds() * time(variant); }));
  put_shares(filled, variants_.case_of(cell));
  record = std::move(filled);
}

// The most memory of the tensors of the cells' models, but of those that fail.
std::map<std::string, std::int64_t> memory_of(const Variants& variants, const std::vector<Cell>& cells) {
  std::set<std::string> wanted;
  for (const Cell& cell : cells) wanted.insert(name_of(cell));
  std::map<std::string, std::int64_t> memory;
  for (const instrument::Variant& variant : variants.all()) {
    if (!wanted.contains(variant.name)) continue;
    stop_if_interrupted();
    try {
      // The first ones pack weights and compile kernels for their numbers of rows.
      for (std::int64_t draw = 0; draw < variants.runs(); ++draw) variant.run(draw);
      memory[variant.name] = instrument::peak_bytes([&] { variant.run(0); });
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception&) {  // its times will tell, or it has times and no memory
    }
  }
  return memory;
}

// What `work` throws, but for an interrupt, in one line.
template <typename Work>
std::optional<std::string> error_of(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    return one_line(error);
  }
}

void fail(Record& record, const std::string& error) {
  record.metrics.clear();
  record.status = record::Status::failed;
  record.error = error;
}

// All cells of a group, whether they have a record or not: what is compared is measured together.
std::vector<Record> measure(const SpeedSetting& s, const Group& group, const std::vector<Cell>& cells,
                            record::RunDirectory& run, const std::function<void()>& after_block) {
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
  each([&](Record&, const Cell& cell) { variants->add_cell(cell); });
  auto memory = memory_of(*variants, cells);
  // On a GPU several passes are under way before the first is done.
  const std::int64_t fewest_passes = s.device.is_cpu() ? 1 : Variants::draws;
  const instrument::Blocks blocks{
      .count = s.spec.blocks, .seconds = s.spec.seconds, .fewest_passes = fewest_passes, .seed = s.seed};
  const auto timer = instrument::timer_of(s.device);
  measured = std::make_unique<Measured>(group, *variants,
                                        instrument::interleaved(variants->all(), blocks, *timer, after_block),
                                        std::move(memory));
  each([&](Record& record, const Cell& cell) { measured->fill(record, cell); });
  each([&](Record& record, const Cell& cell) {
    if (cell.engine != "compact" || cell.which == Which::all) return;
    if (const auto error = error_of([&] { measured->fill_parts(record, cell); }))
      run.warn(fmt::format("{} has no times of parts, so no waterfall: {}", record.axes.dump(), *error));
  });
  return records;
}

}  // namespace

void speed(const SpeedSetting& s, record::RunDirectory& run) {
  torch::InferenceMode inference;
  const std::vector<Group> groups = groups_of(s);
  std::vector<std::pair<Group, std::vector<Cell>>> missing;
  for (const Group& group : groups) {
    const auto cells = cells_of(s.spec, group);
    const auto has = [&](const Cell& cell) { return run.has_or_takes_back(empty_record(s, group, cell).cell); };
    if (!std::all_of(cells.begin(), cells.end(), has)) missing.emplace_back(group, cells);
  }
  const auto blocks = [&](std::size_t count) { return static_cast<std::int64_t>(count) * s.spec.blocks; };
  Progress progress("speed", "blocks", blocks(groups.size()), s.quiet,
                    blocks(groups.size() - missing.size()));
  try {
    for (const auto& [group, cells] : missing)
      for (Record& record : measure(s, group, cells, run, [&] { progress.advance(1); })) {
        if (run.has_or_takes_back(record.cell)) continue;
        if (record.status == record::Status::failed)
          run.warn(fmt::format("{} failed: {}", record.axes.dump(), record.error));
        run.append(std::move(record));
      }
  } catch (const Interrupted&) {
    run.log("interrupted");
    throw Interrupted("interrupted", "what is done is saved in " + run.path().string(),
                      "give the same command again to go on");
  }
}

}  // namespace dydit::study
