// SPDX-License-Identifier: Apache-2.0
#include "variants.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "agreement.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "diffusion/draws.h"
#include "diffusion/schedule.h"
#include "instrument/ceilings.h"
#include "instrument/stopwatch.h"
#include "model/finite.h"
#include "model/weights.h"

namespace dydit::study {

using torch::Tensor;

namespace {

constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

// Not the published initialisation alone, whose zeros switch every block and the output off.
model::DiT untrained(const SpeedSetting& s, const Group& group) {
  torch::NoGradGuard no_grad;
  model::Configuration c = model::published(group.model);
  c.input_size = s.spec.input_size;
  model::DiT dit(c);
  dit->initialise(s.seed);
  std::uint64_t index = 0;
  for (auto& item : dit->named_parameters()) {
    const std::uint64_t sample = index++;
    if (item.key().find("adaLN") == std::string::npos && item.key().find("final_layer.") != 0) continue;
    Tensor value = torch::empty_like(item.value());
    Random(s.seed, Purpose::initialisation, sample, /*draw=*/1)
        .fill_normal({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())});
    item.value().copy_(value * 0.02);
  }
  return dit;
}

// A copy, whose type of numbers the group chooses.
model::DiT copy_of(const model::DiT& dit) {
  model::DiT copy(dit->configuration);
  model::load_parameters(*copy, model::parameters_of(*dit), "");
  return copy;
}

// Of the activity's layers.
Kept mean_shares(const model::Configuration& c, const cost::Activity& activity) {
  Kept kept{0, 0, 0};
  const auto layers = static_cast<double>(activity.layers.size()), units = static_cast<double>(c.num_heads);
  for (const auto& layer : activity.layers) {
    kept.heads += layer.heads / units / layers;
    kept.groups += layer.groups / units / layers;
    kept.tokens += layer.tokens / static_cast<double>(c.tokens()) / layers;
  }
  return kept;
}

engine::Masks concatenated(const std::vector<engine::Masks>& masks) {
  std::vector<Tensor> heads, channels, tokens;
  for (const engine::Masks& one : masks) {
    heads.push_back(one.heads);
    channels.push_back(one.channels);
    tokens.push_back(one.tokens);
  }
  return {torch::cat(heads), torch::cat(channels), torch::cat(tokens)};
}

// The same widths at every timestep, and all tokens.
bool is_static(const std::vector<engine::Masks>& masks) {
  return std::all_of(masks.begin(), masks.end(), [&](const engine::Masks& one) {
    return torch::equal(one.heads, masks.front().heads) &&
           torch::equal(one.channels, masks.front().channels) && one.tokens.all().item<bool>();
  });
}

}  // namespace

std::string name_of(const Cell& cell) {
  return cell.engine + " " + to_string(cell.which);
}

void Variants::draw_inputs() {
  const auto& c = dit_->configuration;
  std::vector<std::int64_t> images(static_cast<std::size_t>(group_.batch));
  std::iota(images.begin(), images.end(), 0);
  for (std::int64_t i = 0; i < draws; ++i) {
    const std::vector<std::int64_t> draw(images.size(), i);
    std::vector<std::int64_t> labels;
    for (const std::int64_t image : images)
      labels.push_back(static_cast<std::int64_t>(Random(setting_.seed, Purpose::sweep_label,
                                                        static_cast<std::uint64_t>(image),
                                                        static_cast<std::uint64_t>(i))
                                                     .below(static_cast<std::uint64_t>(c.num_classes))));
    const Tensor x = diffusion::normal_rows(setting_.seed, Purpose::sweep_input, images, draw,
                                            {c.in_channels, c.input_size, c.input_size});
    const Tensor t = torch::full({group_.batch}, 500, torch::kInt64);
    inputs_.push_back({x.to(setting_.device, group_.dtype), t.to(setting_.device),
                       torch::tensor(labels, torch::kInt64).to(setting_.device)});
  }
}

// Images at each timestep, with the noise that every study gives them.
void Variants::trained_inputs() {
  const Trained& trained = *group_.trained;
  const Setting setting{
      .timesteps = diffusion::even_timesteps(diffusion::diffusion_steps, setting_.spec.timesteps),
      .noise_schedule = trained.noise_schedule,
      .seed = setting_.seed};
  const auto diffusion = diffusion_for(setting, dit_);
  const auto of_batch = [&](const Tensor& all) { return all.narrow(0, 0, group_.batch).to(setting_.device); };
  for (const std::int64_t timestep : setting.timesteps) {
    const Tensor t = timestep_for(setting, trained.chunk, timestep);
    const Tensor noise = noise_for(setting, trained.chunk, timestep, /*draw=*/0);
    inputs_.push_back({of_batch(diffusion.q_sample(trained.chunk.images, t, noise)).to(group_.dtype),
                       of_batch(t), of_batch(trained.chunk.labels)});
  }
}

void Variants::for_inputs(std::int64_t run, const std::function<void(std::size_t)>& work) const {
  if (group_.trained == nullptr) return work(static_cast<std::size_t>(run % draws));
  for (std::size_t i = 0; i < inputs_.size(); ++i) work(i);
}

Variants::Variants(const SpeedSetting& setting, const Group& group)
    : setting_(setting),
      group_(group),
      dit_(group.trained == nullptr ? untrained(setting, group) : copy_of(group.trained->dit)) {
  dit_->to(setting.device, group.dtype);
  dit_->eval();
  masked_ = engine::masked_engine(dit_);
  group.trained == nullptr ? draw_inputs() : trained_inputs();
  const auto& c = dit_->configuration;
  const auto open = imposed({});
  add_model("dense all", [this, open](std::size_t i) {
    return engine::Outcome{dit_->forward(inputs_[i].x, inputs_[i].t, inputs_[i].y), open[i], {}};
  });
  const auto product = instrument::product_ceiling(setting.device, group.dtype);
  const auto copy =
      instrument::copy_ceiling(setting.device, group.batch * c.tokens() * c.hidden_size *
                                                   static_cast<std::int64_t>(c10::elementSize(group.dtype)));
  product_macs = product.amount;
  copied_bytes = copy.amount;
  all_.insert(all_.end(), {product.variant, copy.variant});
  const auto& engines = setting.spec.engine;
  if (std::find(engines.begin(), engines.end(), "compact") == engines.end()) return;
  compact_ = setting.compact(dit_, {.packing_budget = unlimited});
  packing_ = std::make_shared<engine::Packing>(dit_, unlimited);
  shares_ = model::shares_of(group.batch, setting.device);
  for (const model::Share& share : shares_) activations_.emplace_back(dit_, share.count);
  std::vector<Tensor> timesteps;  // what the width routers say is known before a pass
  for (const Input& input : inputs_) timesteps.push_back(input.t.narrow(0, 0, 1));
  compact_->plan(torch::cat(timesteps));
  add_engine("compact path", compact_, open, engine::Overruled::skipped);
  add_parts("compact path", open, Parts::Of::engine, {"fixed", "routed"});
  add_parts("dense all", open, Parts::Of::dense_model, {"fixed", "attention", "products"});
}

std::vector<engine::Masks> Variants::imposed(const Kept& kept) const {
  std::vector<engine::Masks> masks;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto one =
        imposed_masks(dit_->configuration, kept, group_.batch, setting_.seed, static_cast<std::int64_t>(i));
    masks.push_back(
        {one.heads.to(setting_.device), one.channels.to(setting_.device), one.tokens.to(setting_.device)});
  }
  return masks;
}

const std::vector<engine::Masks>& Variants::decided() {
  if (!decided_.empty()) return decided_;
  return decided_ = decided_by(*masked_);
}

std::vector<engine::Masks> Variants::decided_by(engine::Engine& engine) const {
  std::vector<engine::Masks> masks;
  for (const Input& in : inputs_) masks.push_back(engine.forward(in.x, in.t, in.y).masks);
  return masks;
}

std::vector<engine::Masks> Variants::masks_of(Which which) {
  if (which == Which::own) return decided();
  if (which == Which::alike)
    return imposed(mean_shares(dit_->configuration, engine::activity_of(concatenated(decided()))));
  return imposed(kept_of(which, group_.keep));
}

void Variants::add_engine(const std::string& name, const std::shared_ptr<engine::Engine>& engine,
                          const std::vector<engine::Masks>& masks, engine::Overruled routers) {
  add_model(name, [this, engine, masks, routers](std::size_t i) {
    const auto& in = inputs_[i];
    return engine::Outcome{engine->forward(in.x, in.t, in.y, masks[i], routers).output, masks[i], {}};
  });
}

void Variants::add_own(const std::string& name, const std::shared_ptr<engine::Engine>& engine) {
  add_model(name,
            [this, engine](std::size_t i) { return engine->forward(inputs_[i].x, inputs_[i].t, inputs_[i].y); },
            [this](std::size_t i, const engine::Masks& masks) { require_same_decisions(masks, decided()[i]); });
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

void Variants::look_for_not_finite(bool wanted) {
  for (const auto& engine : {masked_, compact_})
    if (engine != nullptr) engine->checks_finite = wanted;
}

const Tensor& Variants::reference(std::size_t input, const engine::Masks& masks) {
  for (const Reference& known : references_)
    if (known.input == input && torch::equal(known.masks.heads, masks.heads) &&
        torch::equal(known.masks.channels, masks.channels) && torch::equal(known.masks.tokens, masks.tokens))
      return known.output;
  const Input& in = inputs_[input];
  references_.push_back({input, masks, masked_->forward(in.x, in.t, in.y, masks).output});
  return references_.back().output;
}

void Variants::check(const Forward& forward, const CheckMasks& check_masks) {
  const double tolerance = tolerance_of(group_.dtype, dit_->configuration.depth);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    stop_if_interrupted();
    const engine::Outcome outcome = forward(i);
    check_masks(i, outcome.masks);
    require_agreement(outcome.output, reference(i, outcome.masks), tolerance);
  }
}

void Variants::add_parts(const std::string& name, const std::vector<engine::Masks>& masks, Parts::Of of,
                         const std::vector<std::string>& names) {
  static const std::map<std::string, void (Parts::*)(Parts::Pass)> runs{{"fixed", &Parts::fixed},
                                                                        {"attention", &Parts::attention},
                                                                        {"products", &Parts::products},
                                                                        {"routed", &Parts::routed},
                                                                        {"together", &Parts::together}};
  // Those of one timestep differ in their tokens alone, and are the draws of one Parts.
  std::vector<std::vector<engine::Masks>> timesteps;
  if (group_.trained == nullptr)
    timesteps = {masks};
  else
    for (const engine::Masks& one : masks) timesteps.push_back({one});
  std::vector<std::vector<std::shared_ptr<Parts>>> parts;  // of each share of the images, as the models run them
  for (const model::Share& share : shares_) {
    parts.emplace_back();
    for (const auto& of_timestep : timesteps) {
      std::vector<engine::Masks> some;
      for (const engine::Masks& one : of_timestep)
        some.push_back({share.of(one.heads), share.of(one.channels), share.of(one.tokens)});
      parts.back().push_back(std::make_shared<Parts>(dit_, packing_, activations_.at(share.number), some, of));
    }
  }
  for (const std::string& part : names)
    add(name + " " + part, [this, parts, method = runs.at(part)](std::int64_t run) {
      const model::OnlyShares only(setting_.device);
      if (method == &Parts::fixed)
        for_inputs(run, [&](std::size_t i) { dit_->condition(dit_->t_embedder(inputs_[i].t), inputs_[i].y); });
      model::in_shares(shares_, [&](const model::Share& share) {
        for (const auto& each : parts[share.number]) ((*each).*method)(run);
      });
    });
}

// Several times, after one that asks the system for memory.
void Variants::pack(Case& packed) const {
  constexpr int times = 5;
  std::vector<Tensor> heads, channels;
  for (const engine::Masks& masks : packed.masks) {
    heads.push_back(masks.heads.narrow(0, 0, 1));
    channels.push_back(masks.channels.narrow(0, 0, 1));
  }
  instrument::Stopwatch watch(setting_.device);
  for (int i = 0; i <= times; ++i) {
    const auto fresh = setting_.compact(dit_, {.packing_budget = unlimited});
    if (i > 0) watch.start();
    fresh->plan(engine::Masks{torch::cat(heads), torch::cat(channels), {}});
    if (i > 0) watch.stop();
  }
  packed.packing = watch.laps();
}

void Variants::add_cell(const Cell& cell) {
  if (cell.engine == "dense") return;
  Case c;
  c.routed = group_.trained == nullptr || !is_static(decided());
  const std::string name = name_of(cell);
  const auto routers = c.routed ? engine::Overruled::run : engine::Overruled::skipped;
  const auto engine = cell.engine == "masked" ? masked_ : compact_;
  // Those that it executes itself: rounding may turn a decision whose logit is next to zero.
  c.masks = cell.which == Which::own && c.routed ? decided_by(*engine) : masks_of(cell.which);
  c.activity = engine::activity_of(concatenated(c.masks));
  if (cell.which == Which::own && c.routed)
    add_own(name, engine);
  else
    add_engine(name, engine, c.masks, routers);
  if (cell.engine == "compact") pack(c);
  if (cell.engine == "compact" &&
      cell.which != Which::all) {  // with everything on, that is "compact path"
    add_engine(name + " without routers", compact_, c.masks, engine::Overruled::skipped);
    add_parts(name, c.masks, Parts::Of::engine, {"fixed", "attention", "products", "routed", "together"});
  }
  cases_.emplace(name, std::move(c));
}

std::int64_t Variants::weight_bytes(const Cell& cell) const {
  std::int64_t bytes = 0;
  for (const Tensor& parameter : dit_->parameters()) bytes += static_cast<std::int64_t>(parameter.nbytes());
  if (cell.engine != "compact") return bytes;
  const auto& layers = case_of(cell).activity.layers;
  double off = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const model::BlockImpl& block = dit_->block(layer);
    const auto units = static_cast<double>(configuration().num_heads);
    const auto both = [](const model::Linear& in, const model::Linear& out) {
      return static_cast<double>(in->weight.nbytes() + out->weight.nbytes());
    };
    off += (1 - layers[layer].heads / units) * both(block.attn->qkv, block.attn->proj) +
           (1 - layers[layer].groups / units) * both(block.mlp->fc1, block.mlp->fc2);
  }
  return bytes - std::llround(off);
}

}  // namespace dydit::study
