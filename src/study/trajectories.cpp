// SPDX-License-Identifier: Apache-2.0
#include "trajectories.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "agreement.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "cost/cost.h"
#include "diffusion/draws.h"
#include "model/device.h"
#include "model/finite.h"
#include "subject.h"

namespace dydit::study {

using engine::Masks;
using engine::Overruled;
using torch::Tensor;

namespace {

constexpr std::int64_t draws_of_masks = 4;  // passes go through them in turn

diffusion::SamplingSpec spec_of(const SampledCell& cell, double guidance) {
  return {.sampler = cell.sampler, .steps = cell.steps, .cfg_scale = guidance};
}

// Of the first `images` images of a pass, routers included; of the complete model there are none.
double macs_of(const model::Architecture& architecture, const engine::Outcome& outcome, std::int64_t images,
               bool routed) {
  model::Activity activity;
  if (!outcome.masks.empty()) activity = engine::activity_of(engine::narrow(outcome.masks, 0, images));
  activity.ran = outcome.ran;
  const cost::Rho rho = cost::rho(architecture, activity);
  return (routed ? rho.with_routers : rho.without_routers) * cost::macs_of(architecture);
}

double blocks_of(const model::BlockRuns& ran) {
  if (ran.empty()) return 1;
  double sum = 0;
  for (const model::BlockPart part : {model::BlockPart::attention, model::BlockPart::mlp}) {
    const auto& of_part = ran[static_cast<std::size_t>(part)];
    sum += std::accumulate(of_part.begin(), of_part.end(), 0.0) / static_cast<double>(of_part.size());
  }
  return sum / 2;
}

}  // namespace

diffusion::ProcessSpec process_of(const SampledModel& model, const model::Architecture& architecture) {
  return model.trained != nullptr ? model.trained->process
                                  : diffusion::ProcessSpec{.name = architecture.flow ? "flow" : "diffusion"};
}

std::string SampledCell::name() const {
  return fmt::format("{} {} {}, {} {}, {}{}", engine.name, to_string(which), to_string(keep), sampler, steps, cache,
                     only_passes ? ", passes alone" : "");
}

SampledCell SampledCell::passes() const {
  SampledCell cell = *this;
  cell.only_passes = true;
  return cell;
}

Trajectories::Trajectories(const SamplingSetting& setting, const SampledModel& of)
    : setting_(setting),
      of_(of),
      dtype_(model::dtype_named(of.dtype)),
      family_(family_of(*setting.catalog, of.trained, of.name)),
      network_(network_of(family_, of.trained, of.name, setting.spec.input_size, setting.seed)) {
  network_->to(setting.device, dtype_);
  network_->eval();
  const auto& a = architecture();
  spec_ = process_of(of, a);
  process_ = diffusion::process_of(spec_, a.learns_sigma, setting.device);
  batch_ = batch_from(0);
  noise_ = normals(0, 1);
}

Trajectories::Batch Trajectories::batch_from(std::int64_t first) const {
  const auto& a = architecture();
  std::vector<std::int64_t> labels;
  for (std::int64_t image = first; image < first + of_.batch; ++image)
    labels.push_back(
        static_cast<std::int64_t>(Random(setting_.seed, Purpose::sweep_label, static_cast<std::uint64_t>(image))
                                      .below(static_cast<std::uint64_t>(a.classes))));
  const Tensor y = torch::tensor(labels, torch::kInt64).to(setting_.device);
  return {first, normals(first, 0), y, torch::cat({y, torch::full_like(y, a.classes)})};
}

Tensor Trajectories::normals(std::int64_t first, std::int64_t draw) const {
  std::vector<std::int64_t> images(static_cast<std::size_t>(of_.batch)), draws(images.size(), draw);
  std::iota(images.begin(), images.end(), first);
  const auto& a = architecture();
  return diffusion::normal_rows(setting_.seed, Purpose::sampling, images, draws, {a.channels, a.side, a.side})
      .to(setting_.device);
}

std::string Trajectories::key_of_sampler(const SampledCell& cell) {
  return fmt::format("{} {}", cell.sampler, cell.steps);
}

void Trajectories::add(const SampledCell& cell) {
  auto& sampler = samplers_[key_of_sampler(cell)];
  if (sampler == nullptr)
    sampler = diffusion::sampler_of(spec_of(cell, of_.guidance), spec_, architecture().learns_sigma, setting_.device);
  auto& engine = engines_[cell.engine.name];
  if (engine == nullptr)
    engine = cell.engine.make(network_, {.packing_budget = std::numeric_limits<std::size_t>::max()});
  if (const auto spec = cache::cache_named(cell.cache, "cache")) {
    auto& cached = caches_[cell.engine.name + " " + cell.cache];
    if (cached == nullptr) cached = cache::cached(engine, *spec, architecture());
  }
  plan(cell);
}

// The sampler's times, or the widths of the imposed masks.
void Trajectories::plan(const SampledCell& cell) {
  if (cell.complete()) return;
  if (cell.which == Which::own) {
    engines_.at(cell.engine.name)->plan(process_->times(sampler(cell).times()).to(setting_.device));
    return;
  }
  Masks widths = engine::narrow(masks(cell, 0, 1), 0, 1);
  for (std::size_t axis = 0; axis < widths.size(); ++axis)
    if (architecture().units[axis].scope == model::Scope::token) widths[axis] = Tensor();
  engines_.at(cell.engine.name)->plan(widths);
}

engine::Engine& Trajectories::engine(const SampledCell& cell) {
  if (cell.cache == "none") return *engines_.at(cell.engine.name);
  return *caches_.at(cell.engine.name + " " + cell.cache);
}

// Imposed in a pass over so many images; none where routers decide.
const Masks& Trajectories::masks(const SampledCell& cell, std::int64_t pass, std::int64_t images) {
  static const Masks none;
  if (cell.complete() || cell.which == Which::own) return none;
  auto& drawn = masks_[fmt::format("{} {} {}", to_string(cell.which), to_string(cell.keep), images)];
  if (drawn.empty()) {
    const auto& units = architecture().units;
    for (std::int64_t draw = 0; draw < draws_of_masks; ++draw) {
      drawn.push_back(imposed_masks(units, kept_of(cell.which, cell.keep, units), images, setting_.seed, draw));
      for (Tensor& mask : drawn.back()) mask = mask.to(setting_.device);
    }
  }
  return drawn[static_cast<std::size_t>(pass % draws_of_masks)];
}

const Tensor& Trajectories::times(double time) {
  Tensor& known = times_[time];
  if (!known.defined()) known = process_->times({time}).to(setting_.device).expand({2 * of_.batch}).contiguous();
  return known;
}

Tensor Trajectories::trajectory(const SampledCell& cell, const Batch& batch, bool look, const After& after) {
  engine::Engine& engine = this->engine(cell);
  const diffusion::Sampler& sampler = this->sampler(cell);
  engine.checks_finite = look;
  engine.begin(std::ssize(sampler.times()));
  std::int64_t pass = 0;
  const auto model =
      diffusion::guided(spec_of(cell, of_.guidance).guidance(), [&](const Tensor& x, double time, bool halves) {
        stop_if_interrupted();
        const std::int64_t images = x.size(0);
        const model::Inputs in{x.to(dtype_), times(time).narrow(0, 0, images), halves ? batch.both : batch.labels,
                               process_->times({time}).item<double>()};
        const auto outcome = engine.forward(in, masks(cell, pass++, images), Overruled::run);
        if (after) after(in, outcome);
        return outcome.output.to(torch::kFloat32);
      });
  // Where nobody looks, the same at each step: its values take no part in the time, and to draw it is not timed.
  const auto noise = [&](std::int64_t step) { return look ? normals(batch.first, 1 + step) : noise_; };
  return sampler.sample(batch.x, {.model = model, .noise = noise});
}

void Trajectories::run(const SampledCell& cell) {
  cell.only_passes ? run_passes(cell) : void(trajectory(cell, batch_, /*look=*/false, {}));
}

void Trajectories::run_passes(const SampledCell& cell) {
  engine::Engine& engine = this->engine(cell);
  engine.checks_finite = false;
  const std::vector<model::Inputs>& passes = passes_.at(cell.name());
  engine.begin(std::ssize(passes));
  for (std::size_t pass = 0; pass < passes.size(); ++pass) {
    stop_if_interrupted();
    const std::int64_t images = passes[pass].x.size(0);
    engine.forward(passes[pass], masks(cell, static_cast<std::int64_t>(pass), images), Overruled::run);
  }
}

std::int64_t Trajectories::held_bytes(const SampledCell& cell) const {
  const auto found = caches_.find(cell.engine.name + " " + cell.cache);
  return found == caches_.end() ? 0 : static_cast<std::int64_t>(found->second->held_bytes());
}

Tensor Trajectories::draw(const SampledCell& cell, std::int64_t first) {
  const Tensor made = trajectory(cell, batch_from(first), /*look=*/true, {});
  model::require_finite_output(made);
  constexpr double most = 255;
  return ((made + 1) * (most / 2)).round().clamp(0, most) / most;
}

Executed Trajectories::check(const SampledCell& cell) {
  Executed executed;
  const auto& of = architecture();
  const auto kept = passes_.find(cell.passes().name());
  std::vector<model::Inputs> passes;
  const Tensor made =
      trajectory(cell, batch_, /*look=*/true, [&](const model::Inputs& in, const engine::Outcome& outcome) {
        const std::int64_t images = in.x.size(0);
        if (kept != passes_.end()) passes.push_back(in);
        if (executed.passes++ == 0) {
          const auto& published = family_.engine_that(of.dynamic() ? engine::Executes::masked : engine::Executes::all);
          const auto reference = published.make(network_, {})->forward(in, outcome.masks);
          require_agreement(outcome.output, reference.output, tolerance_of(dtype_, of.depth));
        }
        const bool routed = !cell.complete();
        executed.macs += macs_of(of, outcome, of_.batch, routed);
        executed.guided_macs +=
            macs_of(of, outcome, images, routed) * static_cast<double>(images) / static_cast<double>(of_.batch);
        executed.blocks += blocks_of(outcome.ran);
        executed.lambda += cost::lambda_realised(of, engine::activity_of(outcome.masks));
      });
  model::require_finite_output(made);
  executed.images = made.narrow(0, 0, std::min(setting_.spec.shown, of_.batch)).cpu();
  executed.blocks /= static_cast<double>(executed.passes);
  executed.lambda /= static_cast<double>(executed.passes);
  executed.full_passes = executed.passes;
  if (kept != passes_.end()) kept->second = std::move(passes);
  if (cell.cache == "none") return executed;
  const cache::Cached& cached = *caches_.at(cell.engine.name + " " + cell.cache);
  executed.full_passes = std::ranges::count(cached.full(), true);
  executed.cache_bytes = cached.cache_bytes();
  return executed;
}

}  // namespace dydit::study
