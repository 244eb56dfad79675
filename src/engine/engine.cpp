// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "base/range.h"

namespace dydit::engine {

using model::UnitAxis;
using torch::Tensor;

Masks require_fit(const Masks& imposed, const std::vector<UnitAxis>& units, std::int64_t images) {
  if (!imposed.empty() && imposed.size() != units.size())
    throw UsageError("imposed masks do not fit the model", fmt::format("{} masks", imposed.size()),
                     fmt::format("give one for each of its {} axes, or none", units.size()));
  for (std::size_t axis = 0; axis < imposed.size(); ++axis) {
    const auto& [mask, of] = std::tie(imposed[axis], units[axis]);
    if (!mask.defined()) continue;
    if (mask.scalar_type() != torch::kBool || mask.sizes() != torch::IntArrayRef({images, of.layers, of.units}))
      throw UsageError("an imposed mask does not fit the model", of.name,
                       fmt::format("give bool of shape ({}, {}, {})", images, of.layers, of.units));
    if (of.first_on && !mask.select(2, 0).all().item<bool>())
      throw UsageError("an imposed mask switches unit 0 off", of.name, "it is always on");
  }
  return imposed.empty() ? Masks(units.size()) : imposed;
}

model::Activity activity_of(const Masks& masks) {
  std::vector<Tensor> counts;
  for (const Tensor& mask : masks) counts.push_back(mask.sum(2).to(torch::kFloat64));  // (N,layers)
  const auto mean = [](const Tensor& of_images) {
    const Tensor means = of_images.mean(0).cpu();
    return std::vector<double>(means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel());
  };
  model::Activity activity;
  for (const Tensor& a : counts) {
    activity.on.push_back(mean(a));
    auto& row = activity.both.emplace_back();
    for (const Tensor& b : counts) row.push_back(a.size(1) == b.size(1) ? mean(a * b) : std::vector<double>());
  }
  return activity;
}

Tensor shares_of(const Masks& masks, const model::Architecture& architecture) {
  std::vector<Tensor> by_layer, shares(1);  // (N,layers), (N)
  for (const Tensor& mask : masks) {
    by_layer.push_back((mask.is_floating_point() ? mask : mask.to(torch::kFloat32)).mean(2));
    shares.push_back(by_layer.back().mean(1));
  }
  std::map<std::int64_t, Tensor> macs;  // of axes of so many layers (N,layers)
  double whole = 0;
  for (const model::Term& term : architecture.skippable) {
    Tensor share = by_layer.at(term.axes.front());
    for (std::size_t i = 1; i < term.axes.size(); ++i) share = share * by_layer.at(term.axes[i]);
    Tensor& sum = macs[share.size(1)];
    sum = sum.defined() ? sum + share * term.macs : share * term.macs;
    whole += term.macs;
  }
  for (const auto& [layers, sum] : macs) {
    const Tensor kept = (sum / whole).mean(1);
    shares.front() = shares.front().defined() ? shares.front() + kept : kept;
  }
  return torch::stack(shares, 1);
}

Masks all_on(const model::Architecture& architecture, std::int64_t images, torch::Device device) {
  Masks masks;
  for (const UnitAxis& axis : architecture.units)
    masks.push_back(torch::ones({images, axis.layers, axis.units}, torch::TensorOptions(torch::kBool).device(device)));
  return masks;
}

Masks narrow(const Masks& masks, std::int64_t first, std::int64_t count) {
  Masks some;
  for (const Tensor& mask : masks) some.push_back(mask.defined() ? mask.narrow(0, first, count) : mask);
  return some;
}

Masks concatenated(const std::vector<Masks>& masks) {
  Masks all;
  for (std::size_t axis = 0; axis < masks.front().size(); ++axis) {
    std::vector<Tensor> of_axis;
    for (const Masks& one : masks) of_axis.push_back(one[axis]);
    all.push_back(torch::cat(of_axis));
  }
  return all;
}

std::unique_ptr<Pass> Engine::pass(const model::Inputs&, const Masks&, Overruled) {
  throw UsageError("the engine runs its model in one piece", "cache", "choose another engine, or no cache");
}

Reused Reused::of(const model::Share& share) const {
  Reused some{.passes = {}, .factors = factors};
  for (const Tensor& pass : passes) some.passes.push_back(pass.narrow(1, share.first, share.count));
  return some;
}

Tensor Reused::sum(std::size_t part) const {
  const Range range("predict");
  const auto of = [&](std::size_t pass) { return passes.at(pass)[static_cast<std::int64_t>(part)]; };
  if (passes.size() == 1 && factors.front() == 1) return of(0);
  const torch::Dtype dtype = of(0).scalar_type();
  constexpr std::int64_t narrow = 2;  // bytes: rounded once, at the end
  Tensor sum = of(0).to(of(0).element_size() <= narrow ? torch::kFloat32 : dtype) * factors.front();
  for (std::size_t pass = 1; pass < passes.size(); ++pass) sum.add_(of(pass), factors[pass]);
  return sum.to(dtype);
}

Outcome Engine::forward_by(const Program& program, const model::Inputs& in, const Masks& imposed, Overruled routers) {
  const auto pass = this->pass(in, imposed, routers);
  return pass->end(program.run(*pass, pass->begin()));
}

std::string to_string(Executes executes) {
  return executes == Executes::all ? "all" : executes == Executes::masked ? "masked" : "kept";
}

double bytes_of(const torch::nn::Module& module) {
  double bytes = 0;
  for (const Tensor& parameter : module.parameters()) bytes += static_cast<double>(parameter.nbytes());
  return bytes;
}

Masks Dense::all_on(std::int64_t images, torch::Device device) {
  if (!on_.defined() || on_.device() != device)
    on_ = torch::ones({1, 1, 1}, torch::TensorOptions(torch::kBool).device(device));
  Masks masks;
  for (const UnitAxis& axis : network_->architecture.units)
    masks.push_back(on_.expand({images, axis.layers, axis.units}));
  return masks;
}

void Dense::require_complete(const Masks& imposed, std::int64_t images) const {
  const auto& architecture = network_->architecture;
  for (const Tensor& mask : require_fit(imposed, architecture.units, images))
    if (mask.defined() && !mask.all().item<bool>())
      throw UsageError("the complete model has no masks", architecture.name, "choose an engine that has");
}

Outcome Dense::forward(const model::Inputs& in, const Masks& imposed, Overruled) {
  require_complete(imposed, in.x.size(0));
  return {network_->complete(in), all_on(in.x.size(0), in.x.device())};
}

}  // namespace dydit::engine
