// SPDX-License-Identifier: Apache-2.0
#include "variants.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "agreement.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "clock.h"
#include "diffusion/draws.h"
#include "instrument/ceilings.h"
#include "instrument/timer.h"
#include "model/device.h"
#include "study/costs.h"
#include "subject.h"

namespace dydit::study {

using engine::Executes;
using engine::Masks;
using engine::Overruled;
using torch::Tensor;

namespace {

constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

// Of each unit axis, over its layers.
std::vector<double> mean_shares(const std::vector<model::UnitAxis>& units, const model::Activity& activity) {
  std::vector<double> shares;
  for (std::size_t axis = 0; axis < units.size(); ++axis) {
    double sum = 0;
    for (const double on : activity.on[axis]) sum += on / static_cast<double>(units[axis].units);
    shares.push_back(sum / static_cast<double>(units[axis].layers));
  }
  return shares;
}

// The same units at every time, and all tokens.
bool is_static(const std::vector<Masks>& masks, const std::vector<model::UnitAxis>& units) {
  return std::ranges::all_of(masks, [&](const Masks& one) {
    for (std::size_t axis = 0; axis < units.size(); ++axis)
      if (units[axis].scope == model::Scope::timestep ? !torch::equal(one[axis], masks.front()[axis])
                                                      : !one[axis].all().item<bool>())
        return false;
    return true;
  });
}

bool equal(const Masks& a, const Masks& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) { return torch::equal(x, y); });
}

}  // namespace

std::string name_of(const Cell& cell) { return cell.engine.name + " " + to_string(cell.which); }

void Variants::draw_inputs() {
  const auto& of = architecture();
  std::vector<std::int64_t> images(static_cast<std::size_t>(group_.batch));
  std::iota(images.begin(), images.end(), 0);
  for (std::int64_t i = 0; i < draws; ++i) {
    const std::vector<std::int64_t> draw(images.size(), i);
    std::vector<std::int64_t> labels;
    for (const std::int64_t image : images)
      labels.push_back(static_cast<std::int64_t>(
          Random(setting_.seed, Purpose::sweep_label, static_cast<std::uint64_t>(image), static_cast<std::uint64_t>(i))
              .below(static_cast<std::uint64_t>(of.classes))));
    const Tensor x =
        diffusion::normal_rows(setting_.seed, Purpose::sweep_input, images, draw, {of.channels, of.side, of.side});
    const Tensor t = torch::full({group_.batch}, static_cast<std::int64_t>(group_.time), torch::kInt64);
    inputs_.push_back({x.to(setting_.device, dtype_), t.to(setting_.device),
                       torch::tensor(labels, torch::kInt64).to(setting_.device)});
  }
}

// Images at each time, with the noise that every study gives them.
void Variants::trained_inputs() {
  const Trained& trained = *group_.trained;
  const auto process = diffusion::process_of(trained.process, architecture().learns_sigma, torch::kCPU);
  const Setting setting{
      .times = process->even_times(setting_.spec.timesteps), .process = trained.process, .seed = setting_.seed};
  const auto of_batch = [&](const Tensor& all) { return all.narrow(0, 0, group_.batch).to(setting_.device); };
  for (const double time : setting.times) {
    const Noised at = noised(setting, trained.chunk, *process, time);
    inputs_.push_back(
        {of_batch(at.x_t).to(dtype_), of_batch(at.t), of_batch(trained.chunk.labels), at.t[0].item<double>()});
  }
}

void Variants::for_inputs(std::int64_t run, const std::function<void(std::size_t)>& work) const {
  if (group_.trained == nullptr) return work(static_cast<std::size_t>(run % draws));
  for (std::size_t i = 0; i < inputs_.size(); ++i) work(i);
}

engine::Engine& Variants::engine(const engine::Row& row) {
  const auto found = engines_.find(row.name);
  if (found != engines_.end()) return *found->second;
  auto made = row.make(network_, options_of(row));  // nothing is kept of one that cannot be made
  return *engines_.emplace(row.name, std::move(made)).first->second;
}

bool Variants::rounds(const engine::Row& row) const {
  return row.executes == Executes::kept && !setting_.spec.round_to_tiles.empty();
}

engine::Options Variants::options_of(const engine::Row& row) const {
  engine::Options options{.packing_budget = unlimited};
  if (rounds(row))
    options.round_up = round_up_of(setting_.spec.round_to_tiles, architecture(),
                                   {.engine = row.name,
                                    .dtype = group_.dtype,
                                    .batch = group_.batch,
                                    .device = setting_.device,
                                    .threads = setting_.threads});
  return options;
}

Variants::Variants(const SpeedSetting& setting, const Workload& group)
    : setting_(setting),
      group_(group),
      dtype_(model::dtype_named(group.dtype)),
      family_(family_of(*setting.catalog, group.trained, group.model)),
      whole_(family_.complete_engine(setting.spec.engine)),
      network_(network_of(family_, group.trained, group.model, setting.spec.input_size, setting.seed)) {
  network_->to(setting.device, dtype_);
  network_->eval();
  group.trained == nullptr ? draw_inputs() : trained_inputs();
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    open_.push_back(engine::all_on(architecture(), group.batch, setting.device));
  add_complete(whole_);
  const auto product = instrument::product_ceiling(setting.device, dtype_);
  const auto copy = instrument::copy_ceiling(
      setting.device, group.batch * architecture().stream * static_cast<std::int64_t>(c10::elementSize(dtype_)));
  product_macs = product.amount;
  copied_bytes = copy.amount;
  all_.insert(all_.end(), {product.variant, copy.variant});
}

// The engine with everything on and its routers skipped; beside the first one the parts of the complete model.
void Variants::add_path(const engine::Row& row) {
  if (paths_.contains(row.name)) return;
  engine::Engine& kept = engine(row);
  std::vector<Tensor> times;  // what the timestep decides is known before a pass
  for (const model::Inputs& in : inputs_) times.push_back(in.t.narrow(0, 0, 1));
  kept.plan(torch::cat(times));
  add_engine(row.name + " path", kept, open_, Overruled::skipped);
  const bool first = paths_.empty();
  paths_[row.name] = add_parts(row.name + " path", kept, open_, {"fixed", "routed"});
  if (first && paths_[row.name])
    paths_[row.name] = add_parts(whole(), engine(whole_), open_, {"fixed", "attention", "products"});
}

std::optional<RoundingDone> Variants::rounding_of(const Cell& cell) const {
  const Case& of = case_of(cell);
  if (of.planned.empty()) return std::nullopt;
  return rounding_done({engine::concatenated(of.planned), engine::concatenated(of.masks)}, architecture());
}

std::vector<Masks> Variants::imposed(const std::vector<double>& kept) const {
  std::vector<Masks> masks;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    masks.push_back(
        imposed_masks(architecture().units, kept, group_.batch, setting_.seed, static_cast<std::int64_t>(i)));
    for (Tensor& mask : masks.back()) mask = mask.to(setting_.device);
  }
  return masks;
}

const std::vector<Masks>& Variants::decided() {
  if (decided_.empty())
    decided_ = executed_by(engine(family_.engine_that(Executes::masked)), std::vector<Masks>(inputs_.size()));
  return decided_;
}

std::vector<Masks> Variants::executed_by(engine::Engine& engine, const std::vector<Masks>& imposed) const {
  std::vector<Masks> masks;
  for (std::size_t i = 0; i < inputs_.size(); ++i) masks.push_back(engine.forward(inputs_[i], imposed[i]).masks);
  return masks;
}

std::vector<Masks> Variants::masks_of(Which which) {
  const auto& units = architecture().units;
  if (which == Which::own) return decided();
  if (which == Which::alike) return imposed(mean_shares(units, engine::activity_of(engine::concatenated(decided()))));
  return imposed(kept_of(which, group_.keep, units));
}

// It is given no masks, which it would look at.
void Variants::add_complete(const engine::Row& row) {
  add_model(name_of({row, Which::all}), [this, &complete = engine(row)](std::size_t i) {
    return engine::Outcome{complete.forward(inputs_[i]).output, open_[i]};
  });
}

void Variants::add_engine(const std::string& name, engine::Engine& engine, const std::vector<Masks>& masks,
                          Overruled routers) {
  add_model(name, [this, &engine, masks, routers](std::size_t i) {
    return engine::Outcome{engine.forward(inputs_[i], masks[i], routers).output, masks[i]};
  });
}

// Where more units stay on than were decided, tokens are held to what the masked engine decides with as many.
void Variants::add_own(const std::string& name, engine::Engine& engine, bool rounds) {
  const auto expected = [this, rounds](std::size_t i, const Masks& masks) {
    if (!rounds) return decided()[i];
    Masks widths = masks;
    for (std::size_t axis = 0; axis < widths.size(); ++axis)
      if (architecture().units[axis].scope == model::Scope::token) widths[axis] = Tensor();
    return this->engine(family_.engine_that(Executes::masked)).forward(inputs_[i], widths).masks;
  };
  add_model(
      name, [this, &engine](std::size_t i) { return engine.forward(inputs_[i]); },
      [this, expected](std::size_t i, const Masks& masks) {
        require_same_decisions(masks, expected(i, masks), architecture().units);
      });
}

// `forward` says what it computed, and under which masks: those that were imposed, or those that it executed.
void Variants::add_model(const std::string& name, const Forward& forward, const CheckMasks& check_masks) {
  all_.push_back({.name = name,
                  .run =
                      [this, forward](std::int64_t run) {
                        look_for_not_finite(false);
                        for_inputs(run, [&](std::size_t i) { forward(i); });
                      },
                  .check =
                      [this, forward, check_masks] {
                        look_for_not_finite(true);
                        check(forward, check_masks);
                      },
                  .latency = setting_.spec.latency});
}

bool Variants::add_parts(const std::string& name, engine::Engine& engine, const std::vector<Masks>& masks,
                         const std::vector<std::string>& names) {
  const auto parts = engine.parts({.inputs = inputs_, .masks = masks, .in_turn = group_.trained == nullptr});
  for (const engine::PartRun& part : parts)
    if (std::ranges::count(names, part.name) > 0) all_.push_back({.name = name + " " + part.name, .run = part.run});
  return !parts.empty();
}

void Variants::look_for_not_finite(bool wanted) {
  for (const auto& [name, engine] : engines_) engine->checks_finite = wanted;
}

const Tensor& Variants::reference(std::size_t input, const Masks& masks) {
  for (const Reference& known : references_)
    if (known.input == input && equal(known.masks, masks)) return known.output;
  const auto outcome = engine(family_.engine_that(Executes::masked)).forward(inputs_[input], masks);
  references_.push_back({input, masks, outcome.output});
  return references_.back().output;
}

void Variants::check(const Forward& forward, const CheckMasks& check_masks) {
  const double tolerance = tolerance_of(dtype_, architecture().depth);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    stop_if_interrupted();
    const engine::Outcome outcome = forward(i);
    check_masks(i, outcome.masks);
    // Beside itself, what is not a number agrees with nothing.
    const Tensor& expected = architecture().dynamic() ? reference(i, outcome.masks) : outcome.output;
    require_agreement(outcome.output, expected, tolerance);
  }
}

// Several times, after one that asks the system for memory.
void Variants::pack(Case& packed, const engine::Row& row) const {
  constexpr int times = 5;
  std::vector<Masks> of_timesteps;
  for (const Masks& masks : packed.masks) of_timesteps.push_back(engine::narrow(masks, 0, 1));
  Masks together = engine::concatenated(of_timesteps);
  for (std::size_t axis = 0; axis < together.size(); ++axis)
    if (architecture().units[axis].scope == model::Scope::token) together[axis] = Tensor();
  instrument::Stopwatch watch(setting_.device);
  for (int i = 0; i <= times; ++i) {
    const auto fresh = row.make(network_, options_of(row));
    if (i > 0) watch.start();
    fresh->plan(together);
    if (i > 0) watch.stop();
  }
  packed.packing = watch.laps();
}

// Behind passes that bring the GPU to the clock at which it can go on: in its first moments products are faster than in
// any pass.
std::optional<engine::Floor> Variants::floor_of(const std::vector<Masks>& masks) {
  if (!setting_.device.is_cuda() || !family_.floor || masks.front().empty()) return std::nullopt;
  for (const auto& [known, floor] : floors_)
    if (std::ranges::equal(known, masks, equal)) return floor;
  constexpr double warm_seconds = 0.5;
  instrument::Stopwatch watch(setting_.device);
  do {
    watch.start();
    for (std::int64_t i = 0; i < draws; ++i) all_.front().run(i);
    watch.stop();
  } while (watch.seconds() < warm_seconds);
  const auto clock = clock_of(setting_.device);
  if (clock != nullptr) clock->begin();
  std::optional<engine::Floor> floor = family_.floor(network_, masks);
  if (clock != nullptr) clock->end();
  if (floor && clock != nullptr) floor->clock = clock->megahertz();
  return floors_.emplace_back(masks, floor).second;
}

void Variants::add_cell(const Cell& cell) {
  const std::string name = name_of(cell);
  if (cell.engine.executes == Executes::all) {
    if (name != whole()) add_complete(cell.engine);
    whole_floor_ = floor_of(open_);
    cases_.emplace(
        name, Case{.masks = open_, .activity = complete(architecture().units), .routed = false, .floor = whole_floor_});
    return;
  }
  const bool keeps = cell.engine.executes == Executes::kept;
  if (keeps) add_path(cell.engine);
  Case c;
  c.routed = group_.trained == nullptr || !is_static(decided(), architecture().units);
  auto& engine = this->engine(cell.engine);
  const bool own = cell.which == Which::own && c.routed;
  // Those that it executes itself: rounding may turn a decision whose logit is next to zero.
  c.masks = own ? executed_by(engine, std::vector<Masks>(inputs_.size())) : masks_of(cell.which);
  if (rounds(cell.engine) && cell.which != Which::all) {
    c.planned = own ? decided() : c.masks;
    if (!own) c.masks = executed_by(engine, c.masks);
  }
  c.activity = engine::activity_of(engine::concatenated(c.masks));
  if (own)
    add_own(name, engine, rounds(cell.engine));
  else
    add_engine(name, engine, c.masks, c.routed ? Overruled::run : Overruled::skipped);
  if (keeps) pack(c, cell.engine);
  if (keeps && cell.which != Which::all && paths_.at(cell.engine.name)) {  // with everything on, that is its path
    add_engine(name + " without routers", engine, c.masks, Overruled::skipped);
    c.parts = add_parts(name, engine, c.masks, {"fixed", "attention", "products", "routed", "together"});
  }
  c.floor = floor_of(c.masks);
  if (c.floor) whole_floor_ = floor_of(open_);
  cases_.emplace(name, std::move(c));
}

}  // namespace dydit::study
