// SPDX-License-Identifier: Apache-2.0
#include "study/costs.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "cost/cost.h"
#include "groups.h"
#include "instrument/interleaved.h"
#include "model/device.h"
#include "record/metric.h"
#include "study/bounds.h"
#include "subject.h"

namespace dydit::study {

using engine::Masks;
using record::Record;
using torch::Tensor;

namespace {

constexpr std::int64_t token_steps = 16;

// Masks of all axes with so many units of one of them on.
struct CostPoint {
  std::size_t axis;
  std::int64_t on;
  Masks masks;
};

// (units) with so many on. Of those that the timestep decides about the last one is among them: units that come first
// are a view of the weights, where those of a plan are copied together. Tokens lie apart.
Tensor mask_with(const model::UnitAxis& axis, std::int64_t on) {
  Tensor mask = torch::zeros({axis.units}, torch::kBool);
  if (axis.scope == model::Scope::token) {
    for (std::int64_t i = 0; i < on; ++i) mask[i * axis.units / on] = true;
  } else if (on > 0) {
    mask.narrow(0, 0, on - 1).fill_(true);
    mask[on == 1 && axis.first_on ? 0 : axis.units - 1] = true;
  }
  return mask;
}

std::vector<std::int64_t> counts_of(const model::UnitAxis& axis) {
  std::vector<std::int64_t> counts;
  const std::int64_t steps = axis.scope == model::Scope::token ? std::min(token_steps, axis.units) : axis.units;
  for (std::int64_t step = axis.first_on ? 1 : 0; step <= steps; ++step) counts.push_back(step * axis.units / steps);
  return counts;
}

std::vector<CostPoint> points_of(const model::Architecture& of, std::int64_t images, torch::Device device) {
  std::vector<CostPoint> points;
  for (std::size_t axis = 0; axis < of.units.size(); ++axis)
    for (const std::int64_t on : counts_of(of.units[axis])) {
      points.push_back({axis, on, engine::all_on(of, images, device)});
      Tensor& mask = points.back().masks[axis];
      mask.copy_(mask_with(of.units[axis], on).expand_as(mask));
    }
  return points;
}

// What the cells of one engine and batch have in common.
struct CostGroup {
  const engine::Row& engine;
  std::shared_ptr<model::Network> network;
  std::int64_t batch;
};

Record empty_record(const CostsSetting& s, const CostGroup& group, const CostPoint& point) {
  Json axes{{"model", s.spec.model},
            {"dtype", s.spec.dtype},
            {"batch", group.batch},
            {"engine", group.engine.name},
            {"unit", group.network->architecture.units[point.axis].name},
            {"on", point.on},
            {"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)},
            {"threads", s.threads}};
  name_input_size(axes, /*trained=*/nullptr, s.spec.input_size);
  const std::string how = fmt::format("{} {}", s.spec.input_size, s.spec.blocks);
  return {.cell = record::cell_hash("costs", axes, {how}, s.seed), .study = "costs", .axes = axes};
}

// Of each point; everything on is one of each axis, and is timed once.
std::vector<instrument::Times> times_of(const CostsSetting& s, const CostGroup& group,
                                        const std::vector<CostPoint>& points,
                                        const std::function<void()>& after_block) {
  const auto engine = group.engine.make(group.network, {.packing_budget = std::numeric_limits<std::size_t>::max()});
  std::vector<Masks> masks;
  for (const CostPoint& point : points) masks.push_back(point.masks);
  const auto runs = engine->blocks_alone(masks);
  if (runs.empty()) throw UsageError("the engine runs no block by itself", group.engine.name, "choose another engine");
  std::vector<instrument::Variant> variants;
  std::vector<std::size_t> places;
  std::optional<std::size_t> everything;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool all = points[i].on == group.network->architecture.units[points[i].axis].units;
    places.push_back(all && everything ? *everything : variants.size());
    if (places.back() < variants.size()) continue;
    if (all) everything = variants.size();
    variants.push_back({.name = "a block", .run = [run = runs[i]](std::int64_t) { run(); }});
  }
  const instrument::Blocks blocks{.count = s.spec.blocks,
                                  .seconds = s.device.is_cpu() ? 0 : 0.01,
                                  .fewest_passes = s.device.is_cpu() ? 1 : 4,
                                  .seed = s.seed};
  const auto timer = instrument::timer_of(s.device);
  const auto timed = instrument::interleaved(variants, blocks, *timer, after_block);
  std::vector<instrument::Times> times;
  for (const std::size_t place : places) times.push_back(timed[place]);
  return times;
}

void fill(Record& record, const instrument::Times& times, const CostPoint& point, const model::Architecture& of) {
  if (!times.error.empty()) return fail(record, times.error);
  std::vector<double> blocks = instrument::block_medians(times);
  for (double& seconds : blocks) {
    if (!(seconds > 0 && std::isfinite(seconds)))
      return fail(record, fmt::format("a block that takes {} s: that is no time", seconds));
    seconds *= 1e3;
  }
  put_blocks(record, "block_time", blocks);
  record.metrics["lambda_realised"] =
      record::measured("lambda_realised", cost::lambda_realised(of, engine::activity_of(point.masks)));
}

}  // namespace

const Schema<CostsSpec>& costs_schema() {
  using C = CostsSpec;
  static const auto schema =
      Schema<C>()
          .add("model", &C::model, {}, "a published configuration (default DyDiT-S/2)")
          .add("engine", &C::engine, "what runs a block, of those that keep what is on (default compact)")
          .add("batch", &C::batch, bounds::batch, "images of a block (default 8)")
          .add("input_size", &C::input_size, Bounds<std::int64_t>{1, 8192}, "side of the latent (default 32)")
          .add("blocks", &C::blocks, bounds::blocks, "interleaved blocks of the times (default 15)");
  return schema;
}

void require_costs(const CostsSpec& spec, const Catalog& catalog) {
  const engine::Family& family = engine::family_of(catalog.families, spec.model);
  if (!family.describe(spec.model, spec.input_size).dynamic())
    throw UsageError("a model without routers", spec.model, "give DyDiT-S/2 or the like");
  require_distinct(spec.engine, "--engine");
  for (const std::string& name : spec.engine)
    if (family.engine(name).executes != engine::Executes::kept)
      throw UsageError("the engine computes what is off", name, "give one that keeps what is on");
}

Json describe_block(const model::Architecture& of) {
  Json block{{"units", Json::object()}, {"macs", Json::array()}};
  for (const model::UnitAxis& axis : of.units) block["units"][axis.name] = axis.units;
  for (const model::Term& term : of.skippable) {
    const auto layers = static_cast<double>(of.units.at(term.axes.front()).layers);
    block["macs"].push_back({{"axes", term.axes}, {"macs", term.macs / layers}});
  }
  return block;
}

void costs(const CostsSetting& s, record::RunDirectory* run) {
  torch::InferenceMode inference;
  const engine::Family& family = engine::family_of(s.catalog->families, s.spec.model);
  const auto network = network_of(family, nullptr, s.spec.model, s.spec.input_size, s.seed);
  network->to(s.device, model::dtype_named(s.spec.dtype));
  network->eval();
  std::vector<Group> groups;
  for (const std::string& name : s.spec.engine)
    for (const std::int64_t batch : s.spec.batch) {
      const CostGroup of{family.engine(name), network, batch};
      const auto points = points_of(network->architecture, batch, s.device);
      Group& group = groups.emplace_back();
      group.steps = s.spec.blocks;
      for (const CostPoint& point : points) group.cells.push_back(empty_record(s, of, point));
      group.measure = [&s, of, points, cells = group.cells](const Warn&, const std::function<void()>& after_block) {
        std::vector<instrument::Times> times(points.size());
        if (const auto error = error_of([&] { times = times_of(s, of, points, after_block); }))
          for (instrument::Times& none : times) none.error = *error;
        std::vector<DoneCell> done;
        for (std::size_t i = 0; i < points.size(); ++i) {
          done.push_back({.record = cells[i]});
          fill(done.back().record, times[i], points[i], of.network->architecture);
        }
        return done;
      };
    }
  measure_groups("costs", groups, s.quiet, s.group, run);
}

}  // namespace dydit::study
