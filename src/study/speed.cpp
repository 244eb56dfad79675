// SPDX-License-Identifier: Apache-2.0
#include "study/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "base/progress.h"
#include "cost/work.h"
#include "imposed.h"
#include "instrument/ceilings.h"
#include "instrument/interleaved.h"
#include "instrument/memory.h"
#include "instrument/stopwatch.h"
#include "model/device.h"
#include "parts.h"
#include "record/metric.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;
using torch::Tensor;

// What is measured together.
struct Group {
  std::string model;
  torch::Dtype dtype;
  std::int64_t batch;
  double keep;
};

struct Cell {
  std::string engine;
  Which which;
};

std::vector<Group> groups_of(const SpeedSpec& s) {
  std::vector<double> shares{1};
  for (const double keep : s.keep)
    if (keep != 1) shares.push_back(keep);
  std::vector<Group> groups;
  for (const std::string& model : s.models)
    for (const std::string& dtype : s.dtype)
      for (const std::int64_t batch : s.batch)
        for (const double keep : shares) groups.push_back({model, model::dtype_named(dtype), batch, keep});
  return groups;
}

std::vector<Cell> cells_of(const SpeedSpec& s, const Group& group) {
  std::vector<Cell> cells;
  for (const std::string& engine : s.engine) {
    if (group.keep == 1)
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
  const std::vector<std::string> inputs{fmt::format("{} {} {}", s.spec.input_size, s.spec.blocks, s.spec.seconds)};
  return {.cell = record::cell_hash("speed", axes, inputs, s.seed), .study = "speed", .axes = axes};
}

// Not the published initialisation alone, whose zeros switch every block off.
model::DiT untrained(const SpeedSetting& s, const Group& group) {
  torch::NoGradGuard no_grad;
  model::Configuration c = model::published(group.model);
  c.input_size = s.spec.input_size;
  model::DiT dit(c);
  dit->initialise(s.seed);
  torch::manual_seed(s.seed);
  for (auto& item : dit->named_parameters())
    if (item.key().find("adaLN") != std::string::npos) item.value().normal_(0, 0.02);
  dit->to(s.device, group.dtype);
  dit->eval();
  return dit;
}

// Several inputs, so that a pass does not find the decisions of the last one.
constexpr std::int64_t draws = 4;

std::string name_of(const Cell& cell) {
  return cell.engine + " " + to_string(cell.which);
}

// What one group runs: variants under their names.
class Variants {
 public:
  Variants(const SpeedSetting& setting, const Group& group);

  // Of a cell that is not dense.
  struct Case {
    std::vector<engine::Masks> masks;  // for each draw
    cost::Activity activity;           // mean over the draws
    double packing_seconds = 0;
    std::int64_t weights = 0;  // bytes
  };

  void add_cell(const Cell& cell);
  const std::vector<instrument::Variant>& all() const { return all_; }
  const model::Configuration& configuration() const { return dit_->configuration; }
  const Case& case_of(const Cell& cell) const { return cases_.at(name_of(cell)); }
  std::int64_t parameter_bytes() const;
  double product_macs = 0, copied_bytes = 0;  // of a pass of the ceilings

 private:
  struct Input {
    Tensor x, t, y;
  };
  const Input& input(std::int64_t pass) const { return inputs_[static_cast<std::size_t>(pass % draws)]; }
  std::vector<engine::Masks> masks_of(Which which, double keep) const;
  void add(std::string name, std::function<void(std::int64_t)> run) { all_.push_back({std::move(name), std::move(run)}); }
  void add_engine(const std::string& name, const std::shared_ptr<engine::Engine>& engine,
                  const std::vector<engine::Masks>& masks, engine::Overruled routers);
  void add_parts(const std::string& name, const engine::Masks& masks);

  const SpeedSetting& setting_;
  Group group_;
  model::DiT dit_;
  std::shared_ptr<engine::Engine> compact_;  // of all cells: what they pack alike is there once
  std::vector<Input> inputs_;
  std::vector<instrument::Variant> all_;
  std::map<std::string, Case> cases_;
};

Variants::Variants(const SpeedSetting& setting, const Group& group)
    : setting_(setting), group_(group), dit_(untrained(setting, group)) {
  const auto& c = dit_->configuration;
  const auto options = torch::TensorOptions().device(setting.device).dtype(group.dtype);
  for (std::int64_t i = 0; i < draws; ++i)
    inputs_.push_back({torch::randn({group.batch, c.in_channels, c.input_size, c.input_size}, options),
                       torch::full({group.batch}, 500, options.dtype(torch::kInt64)),
                       torch::randint(0, c.num_classes, {group.batch}, options.dtype(torch::kInt64))});
  add("dense all", [this](std::int64_t pass) {
    const Input& in = input(pass);
    dit_->forward(in.x, in.t, in.y);
  });
  const auto product = instrument::product_ceiling(setting.device, group.dtype);
  const auto copy = instrument::copy_ceiling(
      setting.device, group.batch * c.tokens() * c.hidden_size * static_cast<std::int64_t>(c10::elementSize(group.dtype)));
  product_macs = product.amount;
  copied_bytes = copy.amount;
  all_.insert(all_.end(), {product.variant, copy.variant});
  const auto& engines = setting.spec.engine;
  if (std::find(engines.begin(), engines.end(), "compact") == engines.end()) return;
  constexpr auto unlimited = std::numeric_limits<std::size_t>::max();
  compact_ = engine::compact_engine(dit_, {.packing_budget = unlimited});
  compact_->plan(inputs_.front().t.narrow(0, 0, 1));  // what the width routers say is known before a pass
  const auto open = masks_of(Which::all, 1);
  add_engine("compact path", compact_, open, engine::Overruled::skipped);
  add_parts("dense all", open.front());
}

std::vector<engine::Masks> Variants::masks_of(Which which, double keep) const {
  std::vector<engine::Masks> masks;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const auto one = imposed_masks(dit_->configuration, which, keep, group_.batch, setting_.seed, draw);
    masks.push_back({one.heads.to(setting_.device), one.channels.to(setting_.device), one.tokens.to(setting_.device)});
  }
  return masks;
}

void Variants::add_engine(const std::string& name, const std::shared_ptr<engine::Engine>& engine,
                          const std::vector<engine::Masks>& masks, engine::Overruled routers) {
  add(name, [this, engine, masks, routers](std::int64_t pass) {
    const Input& in = input(pass);
    engine->forward(in.x, in.t, in.y, masks[static_cast<std::size_t>(pass % draws)], routers);
  });
}

void Variants::add_parts(const std::string& name, const engine::Masks& masks) {
  const auto parts = std::make_shared<Parts>(dit_, masks);
  for (const auto& [part, run] :
       {std::pair{"fixed", &Parts::fixed}, {"attention", &Parts::attention}, {"products", &Parts::products},
        {"routed", &Parts::routed}, {"together", &Parts::together}})
    add(name + " " + part, [parts, run = run](std::int64_t) { ((*parts).*run)(); });
}

void Variants::add_cell(const Cell& cell) {
  if (cell.engine == "dense") return;
  Case c{.masks = masks_of(cell.which, group_.keep), .activity = {}};
  std::vector<Tensor> heads, channels, tokens;
  for (const engine::Masks& masks : c.masks) {
    heads.push_back(masks.heads);
    channels.push_back(masks.channels);
    tokens.push_back(masks.tokens);
  }
  c.activity = engine::activity_of({torch::cat(heads), torch::cat(channels), torch::cat(tokens)});
  const std::string name = name_of(cell);
  if (cell.engine == "masked") {
    add_engine(name, engine::masked_engine(dit_), c.masks, engine::Overruled::run);
  } else {
    const engine::Masks& first = c.masks.front();
    const auto fresh = engine::compact_engine(dit_, {.packing_budget = std::numeric_limits<std::size_t>::max()});
    instrument::Stopwatch watch(setting_.device);
    watch.start();
    fresh->plan(engine::Masks{first.heads.narrow(0, 0, 1), first.channels.narrow(0, 0, 1), {}});
    watch.stop();
    c.packing_seconds = watch.seconds();
    c.weights = static_cast<std::int64_t>(fresh->packed_bytes());
    add_engine(name, compact_, c.masks, engine::Overruled::run);
    add_engine(name + " without routers", compact_, c.masks, engine::Overruled::skipped);
    add_parts(name, first);
  }
  cases_.emplace(name, std::move(c));
}

std::int64_t Variants::parameter_bytes() const {
  std::int64_t bytes = 0;
  for (const Tensor& parameter : dit_->parameters()) bytes += static_cast<std::int64_t>(parameter.nbytes());
  return bytes;
}

// The times of one group's variants, and what they say of a cell.
class Results {
 public:
  Results(const Group& group, const Variants& variants, std::vector<instrument::Times> times,
          std::map<std::string, std::int64_t> memory);

  void fill(Record& record, const Cell& cell) const;

 private:
  // Seconds of a variant in each block.
  const std::vector<double>& of(const std::string& name) const;
  // A function of the times of one block, in every block.
  template <typename Value>
  std::vector<double> blockwise(const Value& value) const;
  static void put(Record& record, const std::string& metric, const std::vector<double>& blocks);
  void fill_waterfall(Record& record, const std::string& name, const cost::Activity& activity, double rho) const;
  double macs_of(const cost::Activity& activity, std::initializer_list<std::string_view> parts) const;

  const Group& group_;
  const Variants& variants_;
  std::map<std::string, instrument::Times> times_;
  std::map<std::string, std::vector<double>> blocks_;
  std::map<std::string, std::int64_t> memory_;
};

Results::Results(const Group& group, const Variants& variants, std::vector<instrument::Times> times,
                 std::map<std::string, std::int64_t> memory)
    : group_(group), variants_(variants), memory_(std::move(memory)) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::string& name = variants.all()[i].name;
    blocks_[name] = instrument::block_medians(times[i]);
    times_[name] = std::move(times[i]);
  }
}

const std::vector<double>& Results::of(const std::string& name) const {
  if (const std::string& error = times_.at(name).error; !error.empty())
    throw RunError(error.substr(0, error.find('\n')), name);
  return blocks_.at(name);
}

template <typename Value>
std::vector<double> Results::blockwise(const Value& value) const {
  std::vector<double> values;
  for (std::size_t block = 0; block < of("dense all").size(); ++block)
    values.push_back(value([&](const std::string& name) { return of(name)[block]; }));
  return values;
}

void Results::put(Record& record, const std::string& metric, const std::vector<double>& blocks) {
  const Median median = median_of(blocks);
  record::Metric measured = record::measured(metric, median.value);
  if (std::isfinite(median.low)) measured.ci95 = {{median.low, median.high}};
  for (const double value : blocks) measured.blocks.push_back({value});
  record.metrics[metric] = measured;
}

double Results::macs_of(const cost::Activity& activity, std::initializer_list<std::string_view> parts) const {
  const auto work = cost::work_of(variants_.configuration(), activity, group_.batch, 1);
  double macs = 0;
  for (const std::string_view part : parts) macs += cost::total_of(work, part).macs;
  return macs;
}

void Results::fill(Record& record, const Cell& cell) const {
  const std::string name = name_of(cell);
  const bool dense = cell.engine == "dense";
  const auto& c = variants_.configuration();
  const cost::Activity activity = dense ? cost::complete(c) : variants_.case_of(cell).activity;
  const cost::Rho rho = cost::rho(c, activity);
  const double executed = dense ? 1 : rho.with_routers;
  const auto value = [&](const char* metric, double number) { record.metrics[metric] = record::measured(metric, number); };
  put(record, "time", blockwise([&](const auto& time) { return 1e3 * time(name); }));
  record.metrics["time"].blocks = times_.at(name).blocks;
  for (auto& block : record.metrics["time"].blocks)
    for (double& seconds : block) seconds *= 1e3;
  value("gmacs", executed * cost::macs_of(c).total() * 1e-9);
  value("lambda_realised", cost::lambda_realised(c, activity));
  value("rho", executed);
  value("rho_without_routers", rho.without_routers);
  value("theoretical_speedup", 1 / executed);
  put(record, "speedup", blockwise([&](const auto& time) { return time("dense all") / time(name); }));
  put(record, "realisation", blockwise([&](const auto& time) { return executed * time("dense all") / time(name); }));
  const cost::Ceilings ceilings{.macs_per_second = variants_.product_macs / median_of(of("product ceiling")).value,
                                .bytes_per_second = variants_.copied_bytes / median_of(of("copy ceiling")).value};
  value("product_ceiling", 1e-9 * ceilings.macs_per_second);
  value("copy_ceiling", 1e-9 * ceilings.bytes_per_second);
  const auto work =
      cost::work_of(c, activity, group_.batch, static_cast<std::int64_t>(c10::elementSize(group_.dtype)));
  value("roofline_time", 1e3 * cost::roofline_seconds(work, ceilings));
  value("activation_memory", 1e-6 * static_cast<double>(memory_.at(name)));
  const bool compact = cell.engine == "compact";
  value("weight_memory", 1e-6 * static_cast<double>(compact ? variants_.case_of(cell).weights : variants_.parameter_bytes()));
  if (!compact) return;
  value("packing_time", 1e3 * variants_.case_of(cell).packing_seconds);
  fill_waterfall(record, name, activity, executed);
}

// Every cause is a difference of times that were measured; docs/dynamic.md derives them. `share` of the dense
// model's MACs: its parts would take as much of its time if all ran at the same rate.
void Results::fill_waterfall(Record& record, const std::string& name, const cost::Activity& activity, double rho) const {
  const auto& c = variants_.configuration();
  const cost::Activity whole = cost::complete(c);
  const double total = static_cast<double>(group_.batch) * static_cast<double>(cost::macs_of(c).total());
  const auto parts = {std::string_view("attention.qkv"), std::string_view("attention.projection"), std::string_view("mlp")};
  const double attention = macs_of(whole, {"attention.products"}) / total,
               attention_left = macs_of(activity, {"attention.products"}) / total,
               products = macs_of(whole, parts) / total, products_left = macs_of(activity, parts) / total,
               routers = macs_of(whole, {"routers"}) / total, fixed = 1 - attention - products;
  const double kept = products_left / products;
  const auto cause = [&](const char* metric, const auto& seconds) {
    put(record, metric, blockwise([&](const auto& time) { return 1e3 * seconds(time, time("dense all")); }));
  };
  const auto theory = [&](const auto&, double dense) { return rho * dense; };
  const auto to_fixed = [&](const auto& time, double dense) {
    return time(name + " fixed") - fixed * dense - kept * (time("dense all fixed") - fixed * dense);
  };
  const auto to_attention = [&](const auto& time, double dense) {
    return time(name + " attention") - attention_left * dense -
           kept * (time("dense all attention") - attention * dense);
  };
  const auto to_narrow = [&](const auto& time, double) {
    return time(name + " products") - kept * time("dense all products");
  };
  const auto to_gather = [&](const auto& time, double) { return time(name + " routed") - time(name + " together"); };
  const auto to_path = [&](const auto& time, double dense) { return time("compact path") - dense; };
  const auto to_routers = [&](const auto& time, double dense) {
    return time(name) - time(name + " without routers") - routers * dense;
  };
  cause("theoretical_time", theory);
  cause("lost_to_fixed", to_fixed);
  cause("lost_to_attention", to_attention);
  cause("lost_to_narrow", to_narrow);
  cause("lost_to_gather", to_gather);
  cause("lost_to_path", to_path);
  cause("lost_to_routers", to_routers);
  cause("unexplained", [&](const auto& time, double dense) {
    return time(name) - theory(time, dense) - to_fixed(time, dense) - to_attention(time, dense) -
           to_narrow(time, dense) - to_gather(time, dense) - to_path(time, dense) - to_routers(time, dense);
  });
}

// The most memory of each variant's tensors; one that fails is told by its times.
std::map<std::string, std::int64_t> memory_of(const Variants& variants) {
  std::map<std::string, std::int64_t> memory;
  for (const instrument::Variant& variant : variants.all()) {
    stop_if_interrupted();
    try {
      variant.run(0);  // the first one packs weights
      memory[variant.name] = instrument::peak_bytes([&] { variant.run(0); });
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception&) {
      memory[variant.name] = 0;
    }
  }
  return memory;
}

// Calls `work`; what it throws, but for an interrupt, fails the record.
template <typename Work>
void guarded(Record& record, const Work& work) {
  try {
    work();
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    record.metrics.clear();
    record.status = record::Status::failed;
    record.error = error.what();
  }
}

std::vector<Record> measure(const SpeedSetting& s, const Group& group, const std::vector<Cell>& cells,
                            const std::function<void()>& after_block) {
  std::vector<Record> records;
  for (const Cell& cell : cells) records.push_back(empty_record(s, group, cell));
  std::unique_ptr<Variants> variants;
  std::unique_ptr<Results> results;
  const auto all = [&](const auto& work) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (records[i].status == record::Status::ok) guarded(records[i], [&] { work(records[i], cells[i]); });
  };
  all([&](Record&, const Cell& cell) {
    if (!variants) variants = std::make_unique<Variants>(s, group);
    variants->add_cell(cell);
  });
  all([&](Record& record, const Cell& cell) {
    if (!results) {
      auto memory = memory_of(*variants);
      const instrument::Blocks blocks{.count = s.spec.blocks, .seconds = s.spec.seconds, .seed = s.seed};
      results = std::make_unique<Results>(
          group, *variants, instrument::interleaved(variants->all(), blocks, s.device, after_block), std::move(memory));
    }
    results->fill(record, cell);
  });
  return records;
}

}  // namespace

void speed(const SpeedSetting& s, record::RunDirectory& run) {
  torch::InferenceMode inference;
  const std::vector<Group> groups = groups_of(s.spec);
  std::vector<std::pair<Group, std::vector<Cell>>> missing;
  for (const Group& group : groups) {
    const auto cells = cells_of(s.spec, group);
    const auto has = [&](const Cell& cell) { return run.has(empty_record(s, group, cell).cell); };
    if (!std::all_of(cells.begin(), cells.end(), has)) missing.emplace_back(group, cells);
  }
  const auto blocks = [&](std::size_t count) { return static_cast<std::int64_t>(count) * s.spec.blocks; };
  Progress progress("speed", "blocks", blocks(groups.size()), s.quiet, blocks(groups.size() - missing.size()));
  try {
    for (const auto& [group, cells] : missing)
      for (Record& record : measure(s, group, cells, [&] { progress.advance(1); })) {
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
